"""The saturating arithmetic against a vendor's own saturating kernels, float for float: who is whose
neighbour in every kind of layer.

OpenVINO uses them on a CPU without VNNI, or on any x86 CPU when told so before it is imported; hence the
second process.
"""

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features
from numpy.lib.stride_tricks import sliding_window_view

from numpot.ir.dtypes import F32
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.convolution_backprop_data import ConvolutionBackpropData
from numpot.kernels import reference

from ...networks import Network

pytest.importorskip("openvino")
from ..vendor_model import run_openvino  # noqa: E402
from ..vendors import as_on_avx2  # noqa: E402

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the instruction that saturates is x86 only"
)

RANGES = [(0, 255), (-128, 127), (-50, 205)]
LAYERS: dict[str, dict[str, Any]] = {  # input shape, weight shape, and what a convolution needs
    "1x1": {"x": (2, 16, 6, 6), "w": (8, 16, 1, 1)},
    "3x3 padded": {"x": (1, 20, 7, 7), "w": (8, 20, 3, 3), "pads": (1, 1)},
    "odd channels": {"x": (1, 33, 6, 6), "w": (8, 33, 3, 3), "pads": (1, 1)},
    "three channels": {"x": (1, 3, 9, 9), "w": (8, 3, 3, 3), "pads": (1, 1)},
    "many channels": {"x": (1, 301, 4, 4), "w": (8, 301, 1, 1)},
    "strided": {"x": (1, 16, 9, 9), "w": (4, 16, 3, 3), "strides": (2, 2), "pads": (1, 1)},
    "groups of even channels": {"x": (1, 16, 6, 6), "w": (8, 4, 3, 3), "pads": (1, 1), "groups": 4},
    "groups of odd channels": {"x": (1, 9, 6, 7), "w": (12, 3, 3, 2), "pads": (1, 1), "groups": 3},
    "groups, in halves": {"x": (1, 60, 5, 5), "w": (4, 30, 3, 3), "pads": (1, 1), "groups": 2},
    "one channel a group": {"x": (1, 4, 9, 8), "w": (8, 1, 3, 3), "groups": 4},
    "depthwise": {"x": (1, 16, 7, 7), "w": (16, 1, 3, 3), "pads": (1, 1), "groups": 16},
    "one channel": {"x": (1, 1, 9, 8), "w": (8, 1, 3, 3), "pads": (1, 1)},
    "one channel, strided": {"x": (2, 1, 16, 15), "w": (16, 1, 5, 3), "strides": (2, 2), "pads": (1, 1)},
    "matmul even": {"x": (6, 64), "w": (24, 64)},
    "matmul odd": {"x": (6, 33), "w": (24, 33)},
    "matmul, whole": {"x": (6, 255), "w": (24, 255)},
    "matmul, in halves": {"x": (6, 257), "w": (24, 257)},
    "matmul, in even halves": {"x": (6, 304), "w": (24, 304)},
    "matmul, in odd halves": {"x": (6, 510), "w": (24, 510)},
    "matmul, in blocks": {"x": (6, 513), "w": (24, 513)},
    "transposed": {"x": (1, 17, 5, 6), "w": (17, 9, 3, 3), "strides": (2, 2), "transposed": True},
}
NEVER_CLIP = ("depthwise", "one channel", "one channel, strided")  # a single product always fits
CASES = [
    (name, *range_)
    for name in LAYERS
    for range_ in RANGES
    if "transposed" not in LAYERS[name] or range_ != (-50, 205)
]


def problem(name: str, low: float, high: float) -> tuple[Graph, np.ndarray]:
    """FakeQuantize -> layer, with int8 weights large enough to clip often, of scale 1; and whole numbers of
    the range.
    """
    rng, layer = np.random.default_rng(len(name) + int(high)), LAYERS[name]
    x = rng.integers(int(low), int(high) + 1, layer["x"]).astype(np.float32)
    net = Network(int8=True)
    codes = net.quantize(net.input(*x.shape), low, high)
    shape, axis = layer["w"], 1 if "transposed" in layer else 0
    ones = np.ones([n if i == axis else 1 for i, n in enumerate(shape)], np.float32)
    weights = net.do(
        "Multiply",
        net.do("Convert", rng.integers(-127, 128, shape).astype(np.int8), destination_type=F32),
        ones,
    )
    pads = layer.get("pads", (0, 0))
    window: dict[str, Any] = {
        "strides": layer.get("strides", (1, 1)),
        "pads_begin": pads,
        "pads_end": pads,
        "dilations": (1, 1),
    }
    if x.ndim == 2:
        return net.result(net.do("MatMul", codes, weights, transpose_b=True)), x
    if "transposed" in layer:
        return net.result(net.op(ConvolutionBackpropData(**window, output_padding=(0, 0)), codes, weights)), x
    return net.result(net.op(Convolution(**window, groups=layer.get("groups", 1)), codes, weights)), x


def of_a_second_process(folder: Path, environment: dict[str, str]) -> dict[str, np.ndarray]:
    """OpenVINO's output of every case."""
    path = folder / "outputs.npz"
    command = [sys.executable, "-m", "tests.ir.lowering.test_saturating_vendor", str(path)]
    subprocess.run(command, env=environment, cwd=Path(__file__).parents[3], check=True, timeout=300)
    return dict(np.load(path))


@pytest.fixture(scope="module")
def vendor_outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return of_a_second_process(tmp_path_factory.mktemp("vendor"), as_on_avx2())


@pytest.mark.parametrize(("name", "low", "high"), CASES)
def test_saturating_arithmetic_is_the_vendors(
    name: str, low: float, high: float, vendor_outputs: dict[str, np.ndarray]
) -> None:
    graph, x = problem(name, low, high)
    saturating = Interpreter(graph, arithmetic="saturating").run(x)["y"]
    np.testing.assert_array_equal(saturating, vendor_outputs[f"{name} {low} {high}"])
    np.testing.assert_array_equal(Executor(graph, arithmetic="saturating").run(x)["y"], saturating)
    clips = not np.array_equal(saturating, Interpreter(graph, arithmetic="exact").run(x)["y"])
    assert clips == (name not in NEVER_CLIP)


@pytest.mark.skipif(
    not get_host_cpu_features().get("avx512vbmi"),
    reason="OpenVINO has other kernels with VBMI, which this processor has not",
)
def test_one_input_channel_is_paired_along_the_columns_of_the_kernel_with_vbmi(tmp_path: Path) -> None:
    """As a matrix product over the positions of the kernel, column by column; no arithmetic of numpot does
    (docs/differences.md).
    """
    outputs = of_a_second_process(tmp_path, as_on_avx2() | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"})
    for name in ("one channel", "one channel, strided"):
        graph, x = problem(name, 0, 255)
        (op,) = (n.op for n in graph.of_type("Convolution"))
        (down, right), (top, left) = op.strides, op.pads_begin  # type: ignore[attr-defined]
        w = graph.of_type("Convert")[0].inputs[0].constant
        assert w is not None
        bordered = np.pad(x.astype(np.uint8), ((0, 0), (0, 0), (top, top), (left, left)))
        # (N,1,H',W',kh,kw)
        seen = sliding_window_view(bordered, w.shape[2:], axis=(2, 3))[:, :, ::down, ::right]
        columns = seen.swapaxes(4, 5).reshape(-1, w[0].size)
        sums = reference.gemm_saturating(columns, w.swapaxes(2, 3).reshape(len(w), -1).T, 0)
        expected = sums.reshape(len(x), *seen.shape[2:4], len(w)).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(expected.astype(np.float32), outputs[f"{name} 0 255"])


if __name__ == "__main__":
    np.savez(
        sys.argv[1],
        **{f"{name} {low} {high}": run_openvino(*problem(name, low, high)) for name, low, high in CASES},
    )
