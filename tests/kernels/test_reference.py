"""The definition itself, against the authorities: onnxruntime for exact sums, OpenVINO's real kernels for
both arithmetics.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from numpot.kernels import reference

from ..ir.vendors import as_on_avx2, onnxruntimes, openvinos
from .problems import ConvolutionProblem, GemmProblem, convolution_problems, few, gemm_problems

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def run_onnx(op_type: str, inputs: dict[str, np.ndarray], **attributes: object) -> np.ndarray:
    """One operator with s32 output through onnxruntime."""
    h = onnx.helper
    ports = [
        h.make_tensor_value_info(name, h.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for name, v in inputs.items()
    ]
    graph = h.make_graph(
        [h.make_node(op_type, list(inputs), ["y"], **attributes)],
        "one",
        ports,
        [onnx.ValueInfoProto(name="y")],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


@few
@given(gemm_problems.filter(lambda p: min(p.size) > 0))
def test_gemm_is_onnx_matmul_integer(p: GemmProblem) -> None:
    """Exact where onnxruntime is on this processor, and else with every pair of neighbours clipped."""
    want = run_onnx("MatMulInteger", {"a": p.a, "b": p.b, "z": np.array(p.zero_point, np.uint8)})
    gemm = reference.gemm_exact if onnxruntimes() == "exact" else reference.gemm_saturating
    assert_array_equal(gemm(p.a, p.b, p.zero_point), want)


@few
@given(convolution_problems().filter(lambda p: p.batch > 0))
def test_exact_convolution_is_onnx_conv_integer(p: ConvolutionProblem) -> None:
    window = {
        "strides": p.window.strides,
        "dilations": p.window.dilations,
        "pads": p.window.pads_begin + p.window.pads_end,
    }
    want = run_onnx(
        "ConvInteger", {"x": p.x, "w": p.w, "z": np.array(p.zero_point, np.uint8)}, group=p.groups, **window
    )
    assert_array_equal(reference.convolution(p.x, p.w, p.zero_point, arithmetic="exact", **p.keywords), want)


# One quantized convolution through OpenVINO. Scales are 1, so that its float output is the accumulator. In a
# process of its own, because the library reads the variable that chooses between its kernels when it is
# loaded.
VENDOR = """
import json, sys
import numpy as np, openvino as ov
from openvino import opset13 as op
p = json.loads(sys.argv[1])
rng = np.random.default_rng(p["seed"])
x = rng.choice([0, 255, 100], p["x"]).astype(np.float32) - p["zero_point"]
most = p["largest"]
w = np.where(rng.random(p["w"]) < 0.8, most, rng.integers(-most, most + 1, p["w"])).astype(np.int8)
low, high = np.float32(-p["zero_point"]), np.float32(255 - p["zero_point"])
data = op.parameter(x.shape, np.float32)
codes = op.fake_quantize(data, low, high, low, high, 256)
ones = np.ones((len(w), 1, 1, 1), np.float32)
weights = op.multiply(op.convert(op.constant(w), np.float32), op.constant(ones))
if p["groups"] > 1:
    weights = op.reshape(weights, [p["groups"], len(w) // p["groups"], *w.shape[1:]], False)
    y = op.group_convolution(codes, weights, [1, 1], p["pads"], p["pads"], [1, 1])
else:
    y = op.convolution(codes, weights, [1, 1], p["pads"], p["pads"], [1, 1])
options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
model = ov.compile_model(ov.Model([y], [data]), "CPU", options)
np.savez(sys.argv[2], x=(x + p["zero_point"]).astype(np.uint8), w=w, y=model(x)[0])
"""
LAYERS = {
    "3x3, odd channels, asymmetric": {
        "x": [2, 33, 7, 7],
        "w": [8, 33, 3, 3],
        "groups": 1,
        "pads": [1, 1],
        "zero_point": 50,
    },
    "1x1, no zero point": {
        "x": [2, 20, 5, 5],
        "w": [16, 20, 1, 1],
        "groups": 1,
        "pads": [0, 0],
        "zero_point": 0,
    },
    "4 groups, signed": {
        "x": [1, 32, 6, 6],
        "w": [32, 8, 3, 3],
        "groups": 4,
        "pads": [1, 1],
        "zero_point": 128,
    },
    "depthwise": {"x": [1, 16, 6, 6], "w": [16, 1, 3, 3], "groups": 16, "pads": [1, 1], "zero_point": 128},
}


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="only x86 processors have the saturating instruction",
)
@pytest.mark.parametrize("arithmetic", ["exact", "saturating"])
@pytest.mark.parametrize("layer", LAYERS)
def test_convolution_is_the_vendors(layer: str, arithmetic: reference.Arithmetic, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    saturates = arithmetic == "saturating" or openvinos() != "exact"
    # 7 bits are exact on every processor
    largest = 127 if arithmetic == "saturating" or not saturates else 64
    problem, file = {"seed": 0, "largest": largest, **LAYERS[layer]}, tmp_path / "vendor.npz"
    environment = as_on_avx2() if arithmetic == "saturating" else dict(os.environ)
    subprocess.run(
        [sys.executable, "-c", VENDOR, json.dumps(problem), str(file)], env=environment, check=True
    )
    vendor, window = np.load(file), {"strides": (1, 1), "dilations": (1, 1), "groups": problem["groups"]}
    window |= {"pads_begin": problem["pads"], "pads_end": problem["pads"]}
    x, w, z = vendor["x"], vendor["w"], problem["zero_point"]
    assert_array_equal(reference.convolution(x, w, z, arithmetic=arithmetic, **window), vendor["y"])
    if layer != "depthwise" and largest == 127:  # the case must be able to tell the two apart
        assert reference.convolution_saturated_pairs(x, w, z, **window).sum() > 0


def test_requantize_rounds_halves_to_even_and_each_step_to_float32() -> None:
    """Codes 0.5, 1.5, 2.5 and 254.5 from halves; and a product that only float32 rounds down to 1 before it
    meets its bias.
    """
    acc = np.array([1, 3, 5, 509, -7, 600], np.int32)
    assert_array_equal(
        reference.requantize(acc, np.float32(0.5), np.float32(0), -np.inf, np.inf, 1, 1, 0, 0),
        [0, 2, 2, 254, 0, 255],
    )
    scale = np.float32(1 / 16777217)  # 2**24 + 1 is not a float32: it becomes 2**24 before it is scaled
    assert_array_equal(
        reference.dequantize(np.array([16777217]), scale, np.float32(-1), -9, 9),
        np.float32(16777216) * scale - 1,
    )
