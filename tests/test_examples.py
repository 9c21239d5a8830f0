"""The examples run, and say what they promise."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_tour_computes_what_numpot_computes() -> None:
    run = subprocess.run([sys.executable, EXAMPLES / "tour.py"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("numpot's int8 logits are the same, to the last bit\n")
