"""The saturating arithmetic against a vendor's own saturating kernels, float for float.

OpenVINO uses them on a CPU without VNNI, or on any x86 CPU when told so before it is imported; hence the second process.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from numpot.ir.ops.affine import quantization_multiplier, quantize
from numpot.ir.ops.convolution_integer import ConvolutionInteger
from numpot.ir.ops.matmul_integer import MatMulInteger
from numpot.kernels.saturation import along_the_kernel

pytest.importorskip("openvino")
pytestmark = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the instruction that saturates is x86 only")

F32 = np.float32
RANGES = [(0, 255), (-128, 127), (-50, 205)]
LAYERS: dict[str, dict[str, Any]] = {  # input shape, weight shape, and what a convolution needs
    "1x1": {"x": (2, 16, 6, 6), "w": (8, 16, 1, 1)},
    "3x3 padded": {"x": (1, 20, 7, 7), "w": (8, 20, 3, 3), "pads": (1, 1)},
    "odd channels": {"x": (1, 33, 6, 6), "w": (8, 33, 3, 3), "pads": (1, 1)},
    "three channels": {"x": (1, 3, 9, 9), "w": (8, 3, 3, 3), "pads": (1, 1)},
    "strided": {"x": (1, 16, 9, 9), "w": (4, 16, 3, 3), "strides": (2, 2), "pads": (1, 1)},
    "grouped": {"x": (1, 16, 6, 6), "w": (8, 4, 3, 3), "pads": (1, 1), "groups": 4},
    "depthwise": {"x": (1, 16, 7, 7), "w": (16, 1, 3, 3), "pads": (1, 1), "groups": 16},
    "one channel": {"x": (1, 1, 9, 8), "w": (8, 1, 3, 3), "pads": (1, 1)},
    "one channel, strided": {"x": (2, 1, 16, 15), "w": (16, 1, 5, 3), "strides": (2, 2), "pads": (1, 1)},
    "one channel a group": {"x": (1, 4, 9, 8), "w": (8, 1, 3, 3), "groups": 4},
    "matmul even": {"x": (6, 64), "w": (24, 64)},
    "matmul odd": {"x": (6, 33), "w": (24, 33)},
}
LONE = [name for name in LAYERS if name.startswith("one channel")]
CASES = [(name, low, high) for name in LAYERS if name not in LONE for low, high in RANGES]


def problem(name: str, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Integer-valued float32 inputs of the range, and int8 weights large enough to clip often."""
    rng = np.random.default_rng(len(name) + int(high))
    x = rng.integers(int(low), int(high) + 1, LAYERS[name]["x"]).astype(F32)
    return x, rng.integers(-127, 128, LAYERS[name]["w"]).astype(np.int8)


def window(name: str) -> dict[str, Any]:
    layer = LAYERS[name]
    pads = layer.get("pads", (0, 0))
    return {"strides": layer.get("strides", (1, 1)), "pads_begin": pads, "pads_end": pads, "dilations": (1, 1)}


def vendor(name: str, low: float, high: float) -> np.ndarray:
    """OpenVINO's float output of FakeQuantize -> layer with int8 weights. Runs in the second process."""
    import openvino as ov
    import openvino.opset15 as op

    from .ops.battery import OPENVINO_CONFIG

    x, w = problem(name, low, high)
    groups = LAYERS[name].get("groups", 1)
    parameter = op.parameter(x.shape, F32)
    ends = [op.constant(F32(e)) for e in (low, high, low, high)]
    codes = w if groups == 1 else w.reshape(groups, len(w) // groups, *w.shape[1:])
    scale = np.ones((*codes.shape[: 1 if groups == 1 else 2], *[1] * (codes.ndim - (1 if groups == 1 else 2))), F32)
    weights = op.multiply(op.convert(op.constant(codes), F32), op.constant(scale))
    quantized = op.fake_quantize(parameter, *ends, 256)
    if x.ndim == 2:
        layer = op.matmul(quantized, weights, False, True)
    else:
        convolution = op.convolution if groups == 1 else op.group_convolution
        layer = convolution(quantized, weights, **window(name))
    model = ov.Model([layer], [parameter])
    return np.array(ov.Core().compile_model(model, "CPU", OPENVINO_CONFIG)(x)[0])


def ours(name: str, low: float, high: float, arithmetic: Any) -> np.ndarray:
    x, w = problem(name, low, high)
    multiplier, shift = quantization_multiplier(F32(low), F32(high), 256)
    codes = quantize(x, multiplier, shift, 256).astype(np.uint8)
    zero_point = np.rint(shift).astype(np.uint8)
    if x.ndim == 2:
        return MatMulInteger(transpose_b=True, arithmetic=arithmetic).evaluate(codes, w, zero_point).astype(F32)
    groups = LAYERS[name].get("groups", 1)
    return ConvolutionInteger(**window(name), groups=groups, arithmetic=arithmetic).evaluate(codes, w, zero_point).astype(F32)


@pytest.fixture(scope="module")
def vendor_outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("vendor") / "outputs.npz"
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-m", "tests.ir.test_saturating_vendor", str(path)], env=environment, cwd=root, check=True, timeout=300)
    return dict(np.load(path))


@pytest.mark.parametrize(("name", "low", "high"), CASES)
def test_saturating_arithmetic_is_the_vendors(name: str, low: float, high: float, vendor_outputs: dict[str, np.ndarray]) -> None:
    saturating = ours(name, low, high, "saturating")
    np.testing.assert_array_equal(saturating, vendor_outputs[f"{name} {low} {high}"])
    clips = not np.array_equal(saturating, ours(name, low, high, "exact"))
    assert clips == (name != "depthwise")  # one channel a group: a single product always fits


@pytest.mark.parametrize("name", LONE)
def test_one_input_channel_is_paired_along_the_columns_of_the_kernel(name: str, vendor_outputs: dict[str, np.ndarray]) -> None:
    """On AVX-512: as a 1x1 convolution over channels that are the positions of the kernel, column by column."""
    x, w = problem(name, 0, 255)
    (down, right), (top, left), groups = window(name)["strides"], window(name)["pads_begin"], LAYERS[name].get("groups", 1)
    bordered = np.pad(x.astype(np.uint8), ((0, 0), (0, 0), (top, top), (left, left)))
    seen = sliding_window_view(bordered, w.shape[2:], axis=(2, 3))[:, :, ::down, ::right]  # (N,C,H',W',kh,kw)
    columns = seen.transpose(0, 1, 5, 4, 2, 3).reshape(len(x), groups, -1, *seen.shape[2:4])
    even = np.pad(columns, ((0, 0), (0, 0), (0, w[0].size % 2), (0, 0), (0, 0))).reshape(len(x), -1, *seen.shape[2:4])
    here = {"strides": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": (1, 1), "groups": groups}
    weights = along_the_kernel(w)[0][:, :, None, None]
    found = ConvolutionInteger(**here, arithmetic="saturating").evaluate(even, weights, np.uint8(0)).astype(F32)
    np.testing.assert_array_equal(found, vendor_outputs[f"{name} 0 255"])
    assert not np.array_equal(found, ours(name, 0, 255, "saturating"))


if __name__ == "__main__":
    every = [*CASES, *((name, 0, 255) for name in LONE)]
    np.savez(sys.argv[1], **{f"{name} {low} {high}": vendor(name, low, high) for name, low, high in every})
