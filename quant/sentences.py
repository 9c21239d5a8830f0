"""Words that messages share: numbers with their nouns, lists that do not grow."""

from collections.abc import Sequence
from typing import Final

MOST_LISTED: Final = 5


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 layer", "3 layers"; plural: where it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = MOST_LISTED) -> str:
    """ "a, b and 7 more": the first of them, and how many are left out; all if that is not longer."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
