"""Small networks written an operator a line, float or quantized by hand, as fixtures for whatever runs or
edits a graph.
"""

from typing import Any

import numpy as np

from numpot.ir.dtypes import F32, DType
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops import OPERATORS, Operator
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.max_pool import MaxPool


class Network:
    """Builds `graph`. Every layer's weights are drawn from one generator, so a seed makes the same network
    again.

    int8: weights are stored as a quantized model stores them, and `quantize` puts FakeQuantize operators in;
    otherwise both are float.
    """

    def __init__(self, *, seed: int = 0, int8: bool = False) -> None:
        self.graph = Graph("network")
        self.rng = np.random.default_rng(seed)
        self.int8 = int8

    def input(self, *shape: int, name: str = "x", dtype: DType = F32) -> Tensor:
        return self.op(OPERATORS["Parameter"](element_type=dtype, shape=shape), name=name)  # type: ignore[call-arg]

    def op(self, op: Operator, *inputs: Tensor | np.ndarray, name: str | None = None) -> Tensor:
        """Any operator with one output; an array among its inputs becomes a Constant."""
        tensors = [t if isinstance(t, Tensor) else self.graph.constant(np.asarray(t)) for t in inputs]
        return self.graph.add(op, tensors, name=name).outputs[0]

    def do(
        self, type: str, *inputs: Tensor | np.ndarray, name: str | None = None, **attributes: Any
    ) -> Tensor:
        """As `op`, by the operator's type: net.do("Clamp", x, min=0, max=6)."""
        return self.op(OPERATORS[type](**attributes), *inputs, name=name)

    def result(self, x: Tensor, name: str = "y") -> Graph:
        self.do("Result", x, name=name)
        return self.graph

    # ---- layers --------------------------------------------------------------------------------------------

    def conv(
        self,
        x: Tensor,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> Tensor:
        """(N,C,H,W) -> (N,channels,H',W')."""
        op = Convolution(
            strides=(stride,) * 2, pads_begin=(pad,) * 2, pads_end=(pad,) * 2, dilations=(1, 1), groups=groups
        )
        y = self.op(op, x, self._weights(channels, x.shape[1] // groups, kernel, kernel), name=name)
        return self.do("Add", y, self._normal(1, channels, 1, 1)) if bias else y

    def depthwise(self, x: Tensor, kernel: int = 3, **options: Any) -> Tensor:
        return self.conv(x, x.shape[1], kernel, groups=x.shape[1], pad=kernel // 2, **options)

    def matmul(self, x: Tensor, columns: int, *, bias: bool = True, name: str | None = None) -> Tensor:
        """(...,K) -> (...,columns)."""
        y = self.do("MatMul", x, self._weights(columns, x.shape[-1]), transpose_b=True, name=name)
        return self.do("Add", y, self._normal(columns)) if bias else y

    def relu(self, x: Tensor) -> Tensor:
        return self.do("ReLU", x)

    def relu6(self, x: Tensor) -> Tensor:
        return self.do("Clamp", x, min=0.0, max=6.0)

    def max_pool(self, x: Tensor, kernel: int = 2, stride: int = 2) -> Tensor:
        return self.op(
            MaxPool(
                kernel=(kernel,) * 2,
                strides=(stride,) * 2,
                pads_begin=(0, 0),
                pads_end=(0, 0),
                dilations=(1, 1),
            ),
            x,
        )

    def mean(self, x: Tensor) -> Tensor:
        """(N,C,H,W) -> (N,C)."""
        return self.do("ReduceMean", x, np.array([2, 3]))

    def quantize(self, x: Tensor, low: Any, high: Any, levels: int = 256) -> Tensor:
        """FakeQuantize with equal input and output ranges, per tensor or, for arrays of (C,), per channel;
        nothing in a float network.
        """
        if not self.int8:
            return x
        ends = [
            np.asarray(v, np.float32).reshape((1, -1, *(1,) * (len(x.shape) - 2)) if np.ndim(v) else ())
            for v in (low, high)
        ]
        return self.do("FakeQuantize", x, *ends, *ends, levels=levels)

    def _weights(self, *shape: int) -> Tensor:
        """Of a size that keeps a layer's outputs about as large as its inputs; int8 codes use the whole
        range, and clip when they can.
        """
        if not self.int8:
            return self.graph.constant(self._normal(*shape) / np.float32(np.sqrt(np.prod(shape[1:]))))
        codes = self.rng.integers(-127, 128, shape).astype(np.int8)
        real = self.do("Convert", codes, destination_type=F32)
        per_channel = self.rng.uniform(0.5, 1.5, (shape[0], *(1,) * (len(shape) - 1))) / (
            73 * np.sqrt(np.prod(shape[1:]))
        )
        return self.do("Multiply", real, per_channel.astype(np.float32))

    def _normal(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(np.float32)
