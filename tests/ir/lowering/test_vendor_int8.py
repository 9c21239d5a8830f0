"""int8 networks against the vendor's own int8 kernels: every float of the output has the same bits, in both
arithmetics.

Which arithmetic OpenVINO has depends on the CPU. The saturating one can be had on any x86 CPU, by an
environment variable that is read when the library is imported; hence the second process.
"""

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor

pytest.importorskip("openvino")

from ..int8_networks import NETWORKS, RANGES, network, samples  # noqa: E402
from ..vendor_model import run_openvino  # noqa: E402
from ..vendors import as_on_avx2, openvinos  # noqa: E402

CASES = [(name, range_) for name in NETWORKS for range_ in RANGES]


def assert_same_floats(name: str, range_: str, arithmetic: Any, vendor: np.ndarray) -> None:
    ours = Executor(network(name, range_), arithmetic=arithmetic).run(samples(name))["y"]
    np.testing.assert_array_equal(ours, vendor)


@pytest.fixture(scope="module")
def arithmetic() -> Any:
    return openvinos()


@pytest.mark.parametrize(("name", "range_"), CASES)
def test_floats_are_the_vendors(name: str, range_: str, arithmetic: Any) -> None:
    assert_same_floats(name, range_, arithmetic, run_openvino(network(name, range_), samples(name)))


@pytest.fixture(scope="module")
def saturating_outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("the instruction that saturates is x86 only")
    path = tmp_path_factory.mktemp("vendor") / "outputs.npz"
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-m", "tests.ir.lowering.test_vendor_int8", str(path)],
        env=as_on_avx2(),
        cwd=root,
        check=True,
        timeout=300,
    )
    return dict(np.load(path))


@pytest.mark.parametrize(("name", "range_"), CASES)
def test_saturated_floats_are_the_vendors(
    name: str, range_: str, saturating_outputs: dict[str, np.ndarray]
) -> None:
    vendor = saturating_outputs[f"{name} {range_}"]
    assert_same_floats(name, range_, "saturating", vendor)
    exact = Executor(network(name, range_), arithmetic="exact").run(samples(name))["y"]
    # pairs do clip, so that the arithmetics cannot be mistaken for each other
    assert np.mean(exact != vendor) > 0.02


if __name__ == "__main__":
    np.savez(
        sys.argv[1],
        **{f"{name} {range_}": run_openvino(network(name, range_), samples(name)) for name, range_ in CASES},
    )
