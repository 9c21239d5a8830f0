"""python -m tests.processors NAME -- python ...: the command, run on another processor."""

import os
import sys

from .folders import NoProcessorError
from .processors import PROCESSORS, python_on

USAGE = (
    "usage: python -m tests.processors NAME -- python [ARGUMENT ...], where NAME is one of "
    f"{', '.join(PROCESSORS)}"
)


def main(arguments: list[str]) -> str:
    """Becomes the command; or says why not."""
    match arguments:
        case [name, "--", "python", *rest] if name in PROCESSORS:
            try:
                python = python_on(PROCESSORS[name])
            except NoProcessorError as error:
                return str(error)
            os.execv(python, [str(python), *rest])
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
