"""A journal of evaluations, damaged: it is refused and stays as it is, or its torn end is cut off with a
line; no evaluation changes.
"""

import logging
from pathlib import Path

import numpy as np

from numpot.ir.errors import NumpotError
from numpot.quant.accuracy_aware.evaluators.evaluator import Scores
from numpot.quant.accuracy_aware.evaluators.journal import Journal

from .campaign import damaged

HEADER = {"model_sha256": "0" * 64, "labels": "1"}


class Lines(logging.Handler):
    """Counts what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def trial(rng: np.random.Generator, folder: Path) -> str:
    made = Journal(folder, HEADER)
    known = {
        f"key {i}": Scores({"accuracy@1": i / 7}, {"accuracy@1": rng.random(4)})
        for i in range(int(rng.integers(1, 6)))
    }
    for key, scores in known.items():
        made.add(key, scores)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    torn = rng.random() < 0.2
    data = whole[: int(rng.integers(len(whole)))] if torn else damaged(whole, rng)
    path.write_bytes(data)
    lines, log = Lines(), logging.getLogger("numpot")
    log.addHandler(lines)
    try:
        opened = Journal(folder, HEADER)
    except NumpotError:
        assert path.read_bytes() == data, "a journal that is refused was changed"
        return "refused"
    finally:
        log.removeHandler(lines)
    found = {key: opened[key] for key in known if opened[key] is not None}
    for key, scores in found.items():
        assert scores is not None and scores.values == known[key].values
        np.testing.assert_array_equal(scores.per_sample["accuracy@1"], known[key].per_sample["accuracy@1"])
    assert len(found) == len(known) or lines.count or whole.startswith(data), (
        "evaluations were thrown away in silence"
    )
    opened.add("another", next(iter(known.values())))
    assert Journal(folder, HEADER)["another"] is not None
    return "held"
