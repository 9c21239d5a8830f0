"""The first versions of two normalizations, whose later ones are read as they are (one_to_one.py), and one in
other operators.
"""

from dataclasses import dataclass

from ....graph import Tensor
from ....ops.add import Add
from ....ops.avg_pool import AvgPool
from ....ops.batch_norm_inference import BatchNormInference
from ....ops.common.axes import integers, normalize_axes
from ....ops.common.operator import Ints, OperatorError
from ....ops.divide import Divide
from ....ops.multiply import Multiply
from ....ops.mvn import MVN
from ....ops.power import Power
from ....ops.reshape import Reshape
from ..node import OpenVinoNode, reads


@reads("BatchNormInference", until=4)
def batch_norm_with_data_third(node: OpenVinoNode) -> Tensor:
    gamma, beta, x, mean, variance = node.take(5)
    return node.add(node.read(BatchNormInference), x, gamma, beta, mean, variance)


@dataclass(frozen=True, kw_only=True)
class FirstMVNAttributes:
    eps: float
    across_channels: bool = False
    normalize_variance: bool = True
    reduction_axes: Ints = ()


@reads("MVN", until=5)
def mvn_with_axes_as_attribute(node: OpenVinoNode) -> Tensor:
    """Read an MVN over the axes that are listed, or over the spatial ones, with or without the channels."""
    (x,), attributes = node.take(1), node.read(FirstMVNAttributes)
    axes = attributes.reduction_axes or range(1 if attributes.across_channels else 2, len(x.shape))
    op = MVN(normalize_variance=attributes.normalize_variance, eps=attributes.eps, eps_mode="inside_sqrt")
    return node.add(op, x, node.constant(axes, "axes"))


@dataclass(frozen=True, kw_only=True)
class LRNAttributes:
    alpha: float
    beta: float
    bias: float
    size: int


@reads("LRN")
def local_response_normalization(node: OpenVinoNode) -> Tensor:
    """x / (bias + alpha * m)^beta; m: the squares in a window of `size` around the element, added up and
    divided by size^(number of axes).

    The window lies along the channels, or along all spatial axes.
    """
    x, attributes = node.take(2)[0], node.read(LRNAttributes)
    axes = normalize_axes(integers(node.known(1, "axes"), "axes"), len(x.shape))
    squares = node.add(Multiply(), x, x, suffix="squares")
    if axes == (1,):
        column = node.add(
            Reshape(special_zero=True),
            squares,
            node.constant((0, 1, x.shape[1], -1), "column_shape"),
            suffix="columns",
        )
        means = node.add(_centered_mean((attributes.size, 1)), column, suffix="means")
        means = node.add(
            Reshape(), means, node.constant((-1, *x.shape[1:]), "shape"), suffix="means_of_channels"
        )
    elif axes == tuple(range(2, len(x.shape))):
        means = node.add(_centered_mean((attributes.size,) * len(axes)), squares, suffix="means")
    else:
        raise OperatorError(f"axes must be the channels or all spatial axes, found {list(axes)}")
    numbers = {
        name: node.constant(getattr(attributes, name), name, x.dtype) for name in ("alpha", "bias", "beta")
    }
    base = node.add(
        Add(), node.add(Multiply(), means, numbers["alpha"], suffix="scaled"), numbers["bias"], suffix="base"
    )
    return node.add(Divide(), x, node.add(Power(), base, numbers["beta"], suffix="power"))


def _centered_mean(kernel: Ints) -> AvgPool:
    """The window reaches as far on both sides, and past the border it sees zeros."""
    if any(k < 1 or k % 2 == 0 for k in kernel):
        raise OperatorError(f"size must be odd, found {kernel[0]}")
    sides = tuple(k // 2 for k in kernel)
    return AvgPool(
        kernel=kernel, strides=(1,) * len(kernel), pads_begin=sides, pads_end=sides, exclude_pad=False
    )
