"""Any two layers one after the other, with any granularity between them: onnxruntime takes the exported
model, with all its optimizations, and computes what numpot does; and it is read back as it was."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest

from numpot.ir.formats.onnx import load_onnx
from numpot.ir.formats.onnx.writer import to_model
from numpot.ir.graph import Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.constant import Constant

from ....networks import Network

CHANNELS = 8
Layer = Callable[[Network, Tensor, bool], Tensor]

LAYERS: dict[str, Layer] = {
    "convolution": lambda net, x, bias: net.conv(x, CHANNELS, 3, pad=1, bias=bias),
    "pointwise": lambda net, x, bias: net.conv(x, CHANNELS, bias=bias),
    "depthwise": lambda net, x, bias: net.depthwise(x, bias=bias),
    "pool": lambda net, x, bias: net.max_pool(x, 1, 1),
    "add": lambda net, x, bias: net.do("Add", x, x),
}
ACTIVATIONS: dict[str, Callable[[Network, Tensor], Tensor]] = {
    "none": lambda net, x: x,
    "relu": lambda net, x: net.relu(x),
}
WIDEST = np.linspace(2, 4, CHANNELS)
RANGES = {"tensor": (-4, 4 * 127 / 128), "channel": (-WIDEST, WIDEST * 127 / 128)}


@pytest.mark.parametrize("granularity", RANGES)
@pytest.mark.parametrize("second", LAYERS)
@pytest.mark.parametrize("first", LAYERS)
def test_onnxruntime_takes_the_pair(first: str, second: str, granularity: str) -> None:
    for activation, bias in (("none", True), ("none", False), ("relu", True)):
        net = Network(int8=True)
        x = net.quantize(net.input(2, CHANNELS, 6, 6), *RANGES["tensor"])
        y = ACTIVATIONS[activation](net, LAYERS[first](net, x, bias))
        y = LAYERS[second](net, net.quantize(y, *RANGES[granularity]), bias)
        graph = net.result(net.conv(net.quantize(y, *RANGES["tensor"]), 4))
        for node in graph.of_type("Constant"):
            if (codes := node.output.constant) is not None and codes.dtype == np.int8:
                # 7 bits: no pair of products clips on any processor
                graph.replace_op(node, Constant(value=codes // 2))
        blob = to_model(graph).SerializeToString()
        images = np.random.default_rng(1).standard_normal((2, CHANNELS, 6, 6)).astype(np.float32)
        expected = Interpreter(graph).run(images)["y"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        (theirs,) = ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"]).run(
            None, {"x": images}
        )
        difference = np.abs(theirs - expected)
        # some codes: halves are rounded in other ways, layer after layer
        assert difference.max() < 0.1 * np.abs(expected).max()
        np.testing.assert_array_equal(Interpreter(load_onnx(blob)).run(images)["y"], expected)
