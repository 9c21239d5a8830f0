"""The command line, a catalogue: one file a command, gathered in commands.py; quantize/ has several."""

import sys
from typing import Any

from .exit_status import INTERRUPTED


def main() -> None:
    """Entry point of the console script. It imports the commands itself, so that Ctrl-C is one line
    meanwhile, too.
    """
    try:
        from .commands import run

        status = run()
    except KeyboardInterrupt:
        print("numpot: interrupted; nothing was written", file=sys.stderr)
        status = INTERRUPTED
    sys.exit(status)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .commands import app

    return app
