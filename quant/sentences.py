"""Words that messages share: numbers with their nouns, lists that do not grow."""

from collections.abc import Sequence
from typing import Final

from numpot.ir.arguments import shown
from numpot.ir.errors import counted as counted

MOST_LISTED: Final = 5
LONG_NAME: Final = 200  # characters; exporters make names of more than a hundred


def listed(names: Sequence[str], most: int = MOST_LISTED) -> str:
    """ "a, b and 7 more": the first of them, and how many are left out; all if that is not longer."""
    shown_names = [_plain(name) for name in names[: most + 1]]
    if len(names) <= most + 1:
        return ", ".join(shown_names)
    return f"{', '.join(shown_names[:most])} and {len(names) - most} more"


def _plain(name: str) -> str:
    """A name as it is, unless it is long or would break the line."""
    return name if name.isprintable() and len(name) <= LONG_NAME else shown(name)
