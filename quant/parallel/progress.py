"""Progress of long work on standard error: a bar with the time left on a terminal, a line per 10
% elsewhere.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

Advance = Callable[[int], None]


@contextmanager
def track(total: int, description: str, *, quiet: bool = False) -> Iterator[Advance]:
    """Shows how far `total` items of work are; call what it yields with the number of items just finished.
    May be nested.

    with track(len(samples), "calibrating") as advance:
        for batch in ...:
            advance(len(batch.indices))
    """
    if quiet:
        yield lambda count: None
    elif sys.stderr.isatty():
        with _bar(total, description) as advance:
            yield advance
    else:
        yield _lines(total, description)


_screen: "Progress | None" = None  # the bars now shown; a terminal has room for one group of them


@contextmanager
def _bar(total: int, description: str) -> Iterator[Advance]:
    global _screen
    outermost = _screen is None
    screen = _screen = _screen or _new_screen()
    with screen if outermost else nullcontext():
        task = screen.add_task(description, total=total)
        try:
            yield lambda count: screen.advance(task, count)
        finally:
            if outermost:
                _screen = None
            else:
                screen.remove_task(task)


def _new_screen() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # what others print to stdout stays there
    return Progress(*columns, console=Console(stderr=True), redirect_stdout=False)


def _lines(total: int, description: str) -> Advance:
    start = time.monotonic()
    done = first = 0
    # when the first items were done: they may have waited for compilation, so the pace is that of the others
    warm = start

    def advance(count: int) -> None:
        nonlocal done, first, warm
        tenths_before, done, now = done * 10 // total, done + count, time.monotonic()
        if done * 10 // total > tenths_before:
            pace = (now - warm) / (done - first)
            elapsed, left = now - start, pace * (total - done)
            print(
                f"{description}: {done * 100 // total} % ({done} of {total}), {elapsed:.0f} s, "
                f"{left:.0f} s left",
                file=sys.stderr,
            )
        if not first:
            first, warm = done, now

    return advance
