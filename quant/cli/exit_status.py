"""Exit statuses of the command line. Success is 0; `accuracy_aware.NOT_REACHED` is 1."""

from typing import Final

BAD_INPUT: Final = 2  # all that is wrong with what was given
INTERRUPTED: Final = 130  # what a shell reports for Ctrl-C
