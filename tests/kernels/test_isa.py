"""Every instruction set that this processor can run gives the same integers, and an unknown one is refused by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpot.kernels.isa import available, choose

HERE = Path(__file__).parent


def test_the_best_is_chosen_and_an_unknown_one_refused() -> None:
    names = list(available())
    assert names[-1] == "portable" and choose(None).name == names[0] and choose("portable").name == "portable"
    with pytest.raises(ValueError, match="NUMPOT_ISA: expected one of .*portable.* found 'sse9'"):
        choose("sse9")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(available()))
def test_kernels_are_the_definition_in(name: str) -> None:
    files = [str(HERE / f"test_{kind}.py") for kind in ("gemm", "convolution", "epilogue", "float32")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        env={**os.environ, "NUMPOT_ISA": name, "NUMPOT_EXAMPLES": "30"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
