"""The command line: one file per command, gathered in commands.py."""

import sys
from typing import Any

INTERRUPTED = 130  # what a shell reports for Ctrl-C


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
