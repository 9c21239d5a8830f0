"""python -m tests.processors.vendors: which integers OpenVINO and onnxruntime compute here, exact or
saturating, in JSON.

Each runs a matrix product and a 1x1 convolution of 64 channels in which every pair of products clips.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

CHANNELS = 64
CODES = np.full((1, CHANNELS), 255, np.uint8)
WEIGHTS = np.full((16, CHANNELS), 127, np.int8)  # of 16 outputs
EXACT, CLIPPED = CHANNELS * 255 * 127, CHANNELS // 2 * 32767
OUTPUT_SCALE = EXACT / 200  # of the layer that has codes as outputs: 200 of them, or 101


def openvino(is_convolution: bool) -> np.ndarray:
    """FakeQuantize with scale 1 and weights with scale 1, so that the float output is the sum."""
    import openvino as ov
    from openvino import opset13 as op

    window = (1, 1) if is_convolution else ()
    data = op.parameter([*CODES.shape, *window], np.float32)
    low, high = np.float32(0), np.float32(255)
    codes = op.fake_quantize(data, low, high, low, high, 256)
    weights = op.convert(op.constant(WEIGHTS.reshape(*WEIGHTS.shape, *window)), np.float32)
    weights = op.multiply(weights, op.constant(np.ones((len(WEIGHTS), 1, *window), np.float32)))
    one, none = [1, 1], [0, 0]
    y = (
        op.convolution(codes, weights, one, none, none, one)
        if is_convolution
        else op.matmul(codes, weights, False, True)
    )
    model = ov.compile_model(ov.Model([y], [data]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(CODES.reshape(data.shape).astype(np.float32))[0]


def onnxruntime(is_convolution: bool) -> np.ndarray:
    """QLinearConv, whose codes are turned back into sums, or MatMulInteger."""
    import onnx
    import onnxruntime

    h = onnx.helper
    if is_convolution:
        scale, zero = np.float32(1), np.uint8(0)
        x, w = CODES.reshape(1, CHANNELS, 1, 1), WEIGHTS.reshape(*WEIGHTS.shape, 1, 1)
        constants = {
            "xs": scale,
            "xz": zero,
            "w": w,
            "ws": scale,
            "wz": np.int8(0),
            "ys": np.float32(OUTPUT_SCALE),
            "yz": zero,
        }
        node = h.make_node("QLinearConv", ["x", *constants], ["y"])
    else:
        x, constants = CODES, {"w": WEIGHTS.T}
        node = h.make_node("MatMulInteger", ["x", "w"], ["y"])
    inputs = [h.make_tensor_value_info("x", onnx.TensorProto.UINT8, x.shape)]
    weights = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = h.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name="y")], weights)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x})[0]
    return y * OUTPUT_SCALE if is_convolution else y


RUNTIMES: dict[str, Callable[[bool], Any]] = {"openvino": openvino, "onnxruntime": onnxruntime}


def arithmetic(runtime: str) -> dict[str, str]:
    """By kind of layer: "exact", "saturating", or the sums, where they are neither."""
    found = {}
    for kind, is_convolution in (("matrix product", False), ("convolution", True)):
        y = np.asarray(RUNTIMES[runtime](is_convolution), np.float64)
        step = OUTPUT_SCALE / 2 if runtime == "onnxruntime" and is_convolution else 0
        names = [
            name
            for name, want in (("exact", EXACT), ("saturating", CLIPPED))
            if (np.abs(y - want) <= step).all()
        ]
        found[kind] = names[0] if names else str(np.unique(y))
    return found


if __name__ == "__main__":
    print(json.dumps({runtime: arithmetic(runtime) for runtime in RUNTIMES}))
