"""Local response normalization in other operators, as ONNX and OpenVINO both mean it.

    y = x / (bias + alpha * m)^beta

m: the mean of the squares in a window around each element, where zeros lie past the border. Of a window of
an even size the larger half lies behind the element.
"""

from typing import Any, Protocol

import numpy as np

from ...graph import Tensor
from ...ops.add import Add
from ...ops.avg_pool import AvgPool
from ...ops.common.operator import Ints, Operator
from ...ops.divide import Divide
from ...ops.multiply import Multiply
from ...ops.power import Power
from ...ops.reshape import Reshape


class Layers(Protocol):
    """An operator of a file that becomes several layers; a step on the way to its result has a suffix."""

    def add(self, op: Operator, *inputs: Tensor, suffix: str = "") -> Tensor: ...

    def constant(self, value: Any, suffix: str, dtype: Any = np.int64) -> Tensor: ...


def normalize(node: Layers, x: Tensor, means: Tensor, *, alpha: float, beta: float, bias: float) -> Tensor:
    """Add the last layers, from m to y."""
    factor, exponent, term = (
        node.constant(value, name, x.dtype)
        for name, value in (("alpha", alpha), ("beta", beta), ("bias", bias))
    )
    base = node.add(Add(), node.add(Multiply(), means, factor, suffix="scaled"), term, suffix="base")
    return node.add(Divide(), x, node.add(Power(), base, exponent, suffix="power"))


def mean_of_channels(node: Layers, x: Tensor, size: int) -> Tensor:
    """Add the layers to m, in a window of `size` channels."""
    pattern = node.constant((0, 1, x.shape[1], -1), "column_shape")
    columns = node.add(Reshape(special_zero=True), _squares(node, x), pattern, suffix="columns")
    means = node.add(_mean((size, 1)), columns, suffix="means")
    return node.add(Reshape(), means, node.constant((-1, *x.shape[1:]), "shape"), suffix="means_of_channels")


def mean_of_places(node: Layers, x: Tensor, size: int) -> Tensor:
    """Add the layers to m, in a window of `size` along every spatial axis."""
    return node.add(_mean((size,) * (len(x.shape) - 2)), _squares(node, x), suffix="means")


def _squares(node: Layers, x: Tensor) -> Tensor:
    return node.add(Multiply(), x, x, suffix="squares")


def _mean(kernel: Ints) -> AvgPool:
    return AvgPool(
        kernel=kernel,
        strides=(1,) * len(kernel),
        pads_begin=tuple((k - 1) // 2 for k in kernel),
        pads_end=tuple(k // 2 for k in kernel),
        exclude_pad=False,
    )
