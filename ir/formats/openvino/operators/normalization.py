"""The first versions of two normalizations, whose later ones are read as they are (one_to_one.py), and one in
other operators.
"""

from dataclasses import dataclass

from ....graph import Tensor
from ....ops.batch_norm_inference import BatchNormInference
from ....ops.common.axes import integers, normalize_axes
from ....ops.common.operator import Ints, OperatorError
from ....ops.mvn import MVN
from ...common.local_response import mean_of_channels, mean_of_places, normalize
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
    """The window lies along the channels, or along all spatial axes."""
    x, attributes = node.take(2)[0], node.read(LRNAttributes)
    axes = normalize_axes(integers(node.known(1, "axes"), "axes"), len(x.shape))
    if attributes.size < 1 or attributes.size % 2 == 0:
        raise OperatorError(f"size must be odd, found {attributes.size}")
    if axes == (1,):
        means = mean_of_channels(node, x, attributes.size)
    elif axes == tuple(range(2, len(x.shape))):
        means = mean_of_places(node, x, attributes.size)
    else:
        raise OperatorError(f"axes must be the channels or all spatial axes, found {list(axes)}")
    return normalize(node, x, means, alpha=attributes.alpha, beta=attributes.beta, bias=attributes.bias)
