"""Every instruction set this processor can run gives the same integers, in both arithmetics, in processes of
their own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding

from numpot.kernels.codegen import isa
from numpot.kernels.codegen.isa import available, choose, dot_products

TESTS = Path(__file__).parents[1]
INTEGERS = [
    "layers/test_gemm.py",
    "layers/test_convolution.py",
    "tiles/test_epilogue.py",
    "test_saturation.py",
    "layers/test_float32.py",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", available())
def test_kernels_are_the_definition_on(name: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(str(TESTS / file) for file in INTEGERS),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "NUMPOT_ISA": name, "NUMPOT_EXAMPLES": "30"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["portable", *available()][-2:])
def test_a_large_sum_is_the_same_on(name: str) -> None:
    """A few shapes only, so that it is always tested: all tiles, their edges, words that can clip and words
    that cannot.
    """
    code = """
import numpy as np
from numpot.kernels import reference
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.direct import gemm, pack_gemm
rng = np.random.default_rng(0)
a, b = rng.integers(0, 256, (23, 70), np.uint8), rng.integers(-128, 128, (70, 45), np.int8)
b[:40] //= 2
for arithmetic, define in reference.GEMM.items():
    out = np.empty((23, 45), np.int32)
    gemm(a, pack_gemm(b), 9, out, arithmetic=arithmetic)
    np.testing.assert_array_equal(out, define(a, b, 9))
print(ISA.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "NUMPOT_ISA": name}, capture_output=True, text=True
    )
    assert done.stdout.strip() == name, done.stderr


@pytest.mark.slow
@pytest.mark.skipif("avx2" not in available(), reason="this processor has no AVX2")
def test_a_network_runs_on_a_processor_of_2013() -> None:
    """LLVM knows no newer instruction then, and would not find one that some kernel names."""
    code = """
import numpy as np
from numpot.ir.executor.executor import Executor
from numpot.ir.interpreter import Interpreter
from tests.ir.int8_networks import network, samples
graph, x = network("chain", "unsigned"), samples("chain")
for arithmetic in ("exact", "saturating"):
    found = Executor(graph, arithmetic=arithmetic, count_saturation=arithmetic == "saturating").run(x)["y"]
    np.testing.assert_array_equal(found, Interpreter(graph, arithmetic=arithmetic).run(x)["y"])
print("equal")
"""
    old = {"NUMPOT_ISA": "avx2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **old},
        cwd=TESTS.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "equal", done.stderr


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match="^NUMPOT_ISA: expected one of .*portable, which this processor can run, found 'avx9'$",
    ):
        choose("avx9")


def test_a_set_that_is_known_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isa.config, "CPU_FEATURES", "")
    with pytest.raises(
        ValueError,
        match="^NUMPOT_ISA: expected one of portable, which a processor with NUMBA_CPU_FEATURES='' can run, ",
    ) as e:
        choose("avx2")
    assert str(e.value).endswith("found 'avx2', which needs avx2,fma")


needs_avx2 = pytest.mark.skipif("avx2" not in available(), reason="this processor has no AVX2")


@needs_avx2
@pytest.mark.parametrize(
    ("given", "best"),
    [
        ("+avx2,+fma", "avx2"),
        ("+fma,+avx2,+prefer-256-bit", "avx2"),
        ("+avx2,+fma,-fma", "portable"),  # the last word counts
        ("-avx2,-fma,+avx2,+fma", "avx2"),
        ("+avx2", "portable"),
        ("", "portable"),
        ("+i8mm,+dotprod", "portable"),  # LLVM ignores what is another architecture's
    ],
)
def test_features_that_numba_is_given_are_those_of_the_processor(
    monkeypatch: pytest.MonkeyPatch, given: str, best: str
) -> None:
    monkeypatch.setattr(isa.config, "CPU_FEATURES", given)
    assert choose(None).name == best


@needs_avx2
def test_whatever_numba_may_not_use_numpot_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isa.config, "ENABLE_AVX", 0)
    assert choose(None).name == "portable"


def test_a_kernel_runs_on_a_processor_of_which_nothing_is_known() -> None:
    """LLVM would end the process at an instruction that it may not use."""
    code = """
import numpy as np
from numpot.kernels.codegen.isa import ISA
from numpot.kernels.statistics.min_max_sum import min_max_sum
min_max_sum(np.zeros((1, 1, 1), np.float32))
print(ISA.name)
"""
    generic = {"NUMBA_CPU_NAME": "generic"}  # and no features, numba then says
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **generic}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "portable", done.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("avx2,+fma", r"expected names that begin with \+ or -, as in '\+avx2,\+fma', found 'avx2'"),
        ("+avx2, +fma", r"expected names that begin with .*, found ' \+fma'"),
        ("+avx2,+made_up,+fma", "expected features of this processor, found made_up, which it does not have"),
    ],
)
def test_features_that_are_none_or_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, given: str, message: str
) -> None:
    """Of those that it knows, LLVM says whether the processor has them."""
    monkeypatch.setattr(isa.config, "CPU_FEATURES", given)
    monkeypatch.setattr(
        isa.binding, "get_host_cpu_features", lambda: {"avx2": True, "fma": True, "made_up": False}
    )
    with pytest.raises(ValueError, match=f"^NUMBA_CPU_FEATURES: {message}$"):
        available()


def test_where_llvm_cannot_tell_the_kernels_are_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(isa.binding, "get_host_cpu_features", fail)
    assert list(available()) == ["portable"] or isa.is_aarch64(binding.get_process_triple())


@pytest.mark.parametrize(
    ("cpu", "listed", "found"),
    [
        ("cortex-a72", "", set()),
        ("neoverse-n1", "+neon", {"dotprod"}),
        ("neoverse-v1", "", {"dotprod", "i8mm"}),
        ("neoverse-v1", "-i8mm", {"dotprod"}),
        ("apple-m1", "", {"dotprod"}),
        ("generic", "+neon,+dotprod,+i8mm", {"dotprod", "i8mm"}),
    ],
)
def test_the_dot_products_of_aarch64_are_known_by_the_name_or_given(
    cpu: str, listed: str, found: set[str]
) -> None:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    triple = "arm64-apple-darwin" if cpu.startswith("apple") else "aarch64-unknown-linux-gnu"
    assert isa.is_aarch64(triple)
    assert dot_products(triple, cpu, listed) == found
