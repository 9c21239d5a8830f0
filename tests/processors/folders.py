"""Where emulated processors live."""

import os
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


class NoProcessorError(Exception):
    """Why a processor cannot be emulated here, in one sentence."""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "numpot-processors"


def put(place: Path, content: str | Path, mode: int = 0o644) -> None:
    """Writes a file, or a link, in one step: other processes may use the old one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        new = Path(folder, place.name)
        if isinstance(content, Path):
            new.symlink_to(content)
        else:
            new.write_text(content)
            new.chmod(mode)
        new.replace(place)
