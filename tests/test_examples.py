"""The examples run, and say what they promise."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpot.kernels import reference

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_tour_computes_what_numpot_computes() -> None:
    run = subprocess.run([sys.executable, EXAMPLES / "tour.py"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("numpot's int8 logits are the same, bit for bit\n")


@pytest.fixture(scope="module")
def ladder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ladder", EXAMPLES / "ladder.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@settings(max_examples=40)
@given(
    M=st.integers(1, 25),
    K=st.integers(1, 40),
    N=st.integers(1, 70),
    largest=st.sampled_from([20, 64, 128]),
    seed=st.integers(0, 99),
)
def test_every_rung_of_the_ladder_is_the_definition(
    ladder: ModuleType, M: int, K: int, N: int, largest: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 256, (M, K), np.uint8), rng.integers(-largest, largest, (K, N), np.int8)
    for rung in ladder.RUNGS:
        product = rung.multiply(a, rung.pack(b))[:M, :N]
        np.testing.assert_array_equal(product, rung.means(a, b, 0), err_msg=rung.multiply.__name__)
        if largest <= 64:  # no pair of products can clip, so that all rungs mean the same
            np.testing.assert_array_equal(product, reference.gemm_exact(a, b, 0))


def test_the_ladder_prints_a_line_for_every_rung(
    ladder: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    ladder.main(20, 30, 40)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == [rung.multiply.__name__ for rung in ladder.RUNGS]
    assert all(float(line.split()[2]) > 0 for line in lines[1:])
