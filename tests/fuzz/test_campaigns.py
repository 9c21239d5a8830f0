"""A minute of every kind of hostile input, or as many as were tried before: the same on every machine that is
fast enough.

NUMPOT_FUZZ_SECONDS, NUMPOT_FUZZ_TRIALS and NUMPOT_FUZZ_SEED ask for more, or for others.
"""

import os

import pytest

from .campaign import KINDS, run

SECONDS = float(os.environ.get("NUMPOT_FUZZ_SECONDS", "60"))
TRIALS = int(os.environ.get("NUMPOT_FUZZ_TRIALS", "2500"))
SEED = int(os.environ.get("NUMPOT_FUZZ_SEED", "0"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_breaks(kind: str) -> None:
    outcome = run(kind, SECONDS, SEED, trials=TRIALS)
    print(f"{kind}: {outcome}")
    assert outcome.tried > 0 and not outcome.broken, str(outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_trials_hold(kind: str) -> None:
    outcome = run(kind, 0.5, SEED)
    assert outcome.tried > 0 and not outcome.broken, str(outcome)
