"""Every instruction set this processor can run gives the same integers, in both arithmetics, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpot.kernels.isa import available, choose

HERE = Path(__file__).parent
INTEGERS = ["test_gemm.py", "test_convolution.py", "test_epilogue.py", "test_saturation.py", "test_float32.py"]


@pytest.mark.slow
@pytest.mark.parametrize("name", available())
def test_kernels_are_the_definition_on(name: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / file) for file in INTEGERS)]
    done = subprocess.run(command, env={**os.environ, "NUMPOT_ISA": name, "NUMPOT_EXAMPLES": "30"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["portable", *available()][-2:])
def test_a_large_sum_is_the_same_on(name: str) -> None:
    """A few shapes only, so that it is always tested: all tiles, their edges, words that can clip and words that cannot."""
    code = """
import numpy as np
from numpot.kernels import reference
from numpot.kernels.gemm import gemm
from numpot.kernels.isa import ISA
from numpot.kernels.packing import pack_gemm
rng = np.random.default_rng(0)
a, b = rng.integers(0, 256, (23, 70), np.uint8), rng.integers(-128, 128, (70, 45), np.int8)
b[:40] //= 2
for arithmetic, define in reference.GEMM.items():
    out = np.empty((23, 45), np.int32)
    gemm(a, pack_gemm(b), 9, out, arithmetic=arithmetic)
    np.testing.assert_array_equal(out, define(a, b, 9))
print(ISA.name)
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "NUMPOT_ISA": name}, capture_output=True, text=True)
    assert done.stdout.strip() == name, done.stderr


@pytest.mark.slow
@pytest.mark.skipif("avx2" not in available(), reason="this processor has no AVX2")
def test_a_network_runs_on_a_processor_of_2013() -> None:
    """LLVM knows no newer instruction then, and would not find one that some kernel names."""
    code = """
import numpy as np
from numpot.ir.executor import Executor
from numpot.ir.interpreter import Interpreter
from tests.ir.int8_networks import network, samples
graph, x = network("chain", "unsigned"), samples("chain")
for arithmetic in ("exact", "saturating"):
    found = Executor(graph, arithmetic=arithmetic, count_saturation=arithmetic == "saturating").run(x)["y"]
    np.testing.assert_array_equal(found, Interpreter(graph, arithmetic=arithmetic).run(x)["y"])
print("equal")
"""
    old = {"NUMPOT_ISA": "avx2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **old}, cwd=HERE.parents[1], capture_output=True, text=True)
    assert done.stdout.strip() == "equal", done.stderr


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="^NUMPOT_ISA: expected one of .*portable, which this processor can run, found 'avx9'$"):
        choose("avx9")
