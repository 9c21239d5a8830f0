"""Run trials of one kind in a process of their own, so that a crash, a hang or a greedy one counts as broken
and the next goes on.
"""

import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

KINDS = sorted(
    path.stem
    for path in Path(__file__).parent.glob("[a-z]*.py")
    if path.stem not in ("campaign", "test_campaigns")
)
SECONDS_A_TRIAL = 20
BYTES_MORE = 3 * 2**30  # of address space than a process that has imported what it needs


@dataclass
class Outcome:
    """How many trials ended how, and what the first broken ones said, by their number."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: dict[int, str] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return sum(self.counts.values())

    def __str__(self) -> str:
        counts = ", ".join(f"{self.counts[what]} {what}" for what in ("held", "refused", "broken"))
        return f"{self.tried} tried: {counts}" + "".join(
            f"\n  {number}: {what}" for number, what in self.broken.items()
        )


def run(kind: str, seconds: float, seed: int = 0, *, trials: int = sys.maxsize, show: int = 20) -> Outcome:
    """Trials 0, 1, 2, ... for that long, so many at most. A process that dies leaves the number of the trial
    it was at.
    """
    outcome, first, until = Outcome(), 0, time.monotonic() + seconds
    while time.monotonic() < until and first < trials:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _work(kind, seed, range(first, trials), until, writer)
        os.close(writer)
        with os.fdopen(reader, errors="replace") as lines:
            for line in lines:
                what, _, message = line.rstrip("\n").partition(" ")
                _count(outcome, first, what, message, show)
                first += 1
        _, status = os.waitpid(child, 0)
        if status:
            _count(
                outcome, first, "broken", f"the process ended with {os.waitstatus_to_exitcode(status)}", show
            )
            first += 1
    return outcome


def trial(kind: str, seed: int, number: int) -> str:
    """One trial again."""
    folder = Path(tempfile.mkdtemp())
    try:
        return str(_module(kind).trial(np.random.default_rng((seed, number)), folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _module(kind: str) -> Any:
    return importlib.import_module(f".{kind}", __package__)


def _count(outcome: Outcome, number: int, what: str, message: str, show: int) -> None:
    outcome.counts[what] += 1
    if what == "broken" and len(outcome.broken) < show:
        outcome.broken[number] = message


def _work(kind: str, seed: int, numbers: range, until: float, writer: int) -> None:
    """In the child: one line a trial; never returns."""
    status = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        # compiles kernels, say, which is no part of a trial
        getattr(_module(kind), "prepare", lambda: None)()
        signal.signal(signal.SIGALRM, _too_long)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES_MORE, resource.RLIM_INFINITY))
        for number in numbers:
            os.write(writer, _one(kind, seed, number).encode(errors="replace") + b"\n")
            if time.monotonic() >= until:
                break
        status = 0
    finally:
        os._exit(status)


def _one(kind: str, seed: int, number: int) -> str:
    signal.alarm(SECONDS_A_TRIAL)
    try:
        return trial(kind, seed, number)
    except BaseException as error:  # whatever a trial ends in, it is the outcome
        return f"broken {type(error).__name__}: {str(error)[:300]}".replace("\n", " ")
    finally:
        signal.alarm(0)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS_A_TRIAL} seconds")


def damaged(data: bytes, rng: np.random.Generator, alphabet: tuple[bytes, ...] = ()) -> bytes:
    """Bytes as a disk, a cable or an editor leaves them: flipped, cut, doubled, moved, zeroed; or with a word
    of the alphabet put in.
    """
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(result) + 1)), int(rng.integers(1, 9))
        match int(rng.integers(8 if alphabet else 7)):
            case 0 | 1 if at < len(result):
                result[at] ^= 1 << int(rng.integers(8))
            case 2 if at < len(result):
                result[at] = int(rng.integers(256))
            case 3:
                del result[at : at + length]
            case 4:
                result[at:at] = result[at : at + length]
            case 5 if rng.random() < 0.3:
                del result[at:]
            case 6:
                result[at : at + length] = bytes(length)
            case 7:
                word = alphabet[int(rng.integers(len(alphabet)))]
                result[at : at + (len(word) if rng.random() < 0.5 else 0)] = word
    return bytes(result)
