"""The first versions of two normalizations; the later ones are read as they are (same.py)."""

from dataclasses import dataclass

from ..graph import Tensor
from ..ops.batch_norm_inference import BatchNormInference
from ..ops.mvn import MVN
from ..ops.registry import Ints
from .node import OpenVinoNode, reads


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
    """Over the axes that are listed, or over the spatial ones, with or without the channels."""
    (x,), attributes = node.take(1), node.read(FirstMVNAttributes)
    axes = attributes.reduction_axes or range(1 if attributes.across_channels else 2, len(x.shape))
    op = MVN(normalize_variance=attributes.normalize_variance, eps=attributes.eps, eps_mode="inside_sqrt")
    return node.add(op, x, node.constant(axes, "axes"))
