"""Float networks as ONNX files, with seeded weights: the shapes are what costs time, not what the numbers
mean.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx

h: Any = onnx.helper
Build = Callable[[Path], Path]  # writes a model and returns its path


class Network:
    """Writes an ONNX model a layer a line. Tensors are names; `channels` remembers how many each has.

    Weights keep the variance of what they read, as trained ones roughly do, so that no activation overflows
    or dies on the way.
    """

    def __init__(self, *input_shape: int) -> None:
        """input_shape: without the batch, which stays open."""
        self.rng = np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.channels: dict[str, int] = {"x": input_shape[0] if len(input_shape) > 1 else input_shape[-1]}
        self.input = h.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ("N", *input_shape))

    def save(self, output: str, rank: int, path: Path) -> Path:
        y = h.make_tensor_value_info(output, onnx.TensorProto.FLOAT, ("N", *(None,) * (rank - 1)))
        graph = h.make_graph(self.nodes, path.stem, [self.input], [y], self.constants)
        onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9), path)
        return path

    def do(self, op: str, *inputs: str, channels: int | None = None, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(h.make_node(op, list(inputs), [name], name, **attributes))
        self.channels[name] = self.channels[inputs[0]] if channels is None else channels
        return name

    def constant(self, array: np.ndarray) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def conv(
        self, x: str, channels: int, kernel: int = 1, *, stride: int = 1, groups: int = 1, gain: float = 2.0
    ) -> str:
        """(N,C,H,W) -> (N,channels,H/stride,W/stride), with bias."""
        depth = self.channels[x] // groups
        weights = self.rng.standard_normal((channels, depth, kernel, kernel)) * np.sqrt(
            gain / (depth * kernel * kernel)
        )
        bias = self.constant(0.1 * self.rng.standard_normal(channels))
        window = {"pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": groups}
        return self.do("Conv", x, self.constant(weights), bias, channels=channels, **window)

    def conv_transpose(self, x: str, channels: int) -> str:
        """(N,C,H,W) -> (N,channels,2H,2W): 4x4, stride 2, with bias."""
        weights = self.rng.standard_normal((self.channels[x], channels, 4, 4)) * np.sqrt(
            2 / (4 * self.channels[x])
        )
        bias = self.constant(0.1 * self.rng.standard_normal(channels))
        return self.do(
            "ConvTranspose", x, self.constant(weights), bias, channels=channels, strides=[2, 2], pads=[1] * 4
        )

    def relu(self, x: str) -> str:
        return self.do("Relu", x)

    def relu6(self, x: str) -> str:
        return self.do("Clip", x, self.constant(np.array(0)), self.constant(np.array(6)))

    def linear(self, x: str, columns: int) -> str:
        """(M,K) -> (M,columns), with bias."""
        weights = self.rng.standard_normal((self.channels[x], columns)) * np.sqrt(2 / self.channels[x])
        bias = self.constant(0.1 * self.rng.standard_normal(columns))
        return self.do("Gemm", x, self.constant(weights), bias, channels=columns)

    def classifier(self, x: str, classes: int = 1000) -> str:
        """(N,C,H,W) -> (N,classes)."""
        return self.linear(self.do("Flatten", self.do("GlobalAveragePool", x)), classes)


def mobilenet_v2(path: Path) -> Path:
    """MobileNetV2 1.0 at 224x224: (expansion, channels, blocks, stride of the first) as in table 2 of its
    paper, arXiv 1801.04381.
    """
    net = Network(3, 224, 224)
    x = net.relu6(net.conv("x", 32, 3, stride=2))
    for expansion, channels, blocks, first in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:  # fmt: skip
        for block in range(blocks):
            stride, wide = (first if block == 0 else 1), expansion * net.channels[x]
            y = x if expansion == 1 else net.relu6(net.conv(x, wide))
            y = net.conv(net.relu6(net.conv(y, wide, 3, stride=stride, groups=wide)), channels, gain=1.0)
            x = net.do("Add", y, x) if stride == 1 and net.channels[x] == channels else y
    return net.save(net.classifier(net.relu6(net.conv(x, 1280))), 2, path)


def resnet50(path: Path) -> Path:
    """ResNet-50 at 224x224, stride in the 3x3 convolution: (width, blocks) as in table 1 of its paper, arXiv
    1512.03385.
    """
    net = Network(3, 224, 224)
    x = net.relu(net.conv("x", 64, 7, stride=2))
    x = net.do("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            stride = 2 if block == 0 and stage else 1
            y = net.relu(net.conv(net.relu(net.conv(x, width)), width, 3, stride=stride))
            skip = net.conv(x, 4 * width, stride=stride, gain=1.0) if block == 0 else x
            x = net.relu(net.do("Add", net.conv(y, 4 * width, gain=0.2), skip))
    return net.save(net.classifier(x), 2, path)


CHAIN = 6  # layers of a kind, so that what turns floats into codes and back at both ends weighs little


def convolutions(
    path: Path, size: int, channels: tuple[int, int], kernel: int, depthwise: bool = False
) -> Path:
    """CHAIN convolutions with ReLU on size x size pixels, to channels[1], back to channels[0], and so on."""
    net = Network(channels[0], size, size)
    x = "x"
    for i in range(CHAIN):
        out = channels[1 - i % 2]
        x = net.relu(net.conv(x, out, kernel, groups=out if depthwise else 1))
    return net.save(x, 4, path)


def transposed_convolutions(path: Path, size: int, channels: tuple[int, int]) -> Path:
    """From size x size pixels to twice as many along each side, three times; a pool and a 1x1 convolution
    lead back.
    """
    net = Network(channels[0], size, size)
    x = "x"
    for _ in range(CHAIN // 2):
        x = net.do(
            "MaxPool", net.relu(net.conv_transpose(x, channels[1])), kernel_shape=[2, 2], strides=[2, 2]
        )
        x = net.relu(net.conv(x, channels[0]))
    return net.save(x, 4, path)


def matrices(path: Path, K: int, N: int) -> Path:
    """CHAIN matrix products with ReLU: (M,K) -> (M,N) -> (M,K) and so on; the batch is M."""
    net, x = Network(K), "x"
    for i in range(CHAIN):
        x = net.relu(net.linear(x, (N, K)[i % 2]))
    return net.save(x, 2, path)
