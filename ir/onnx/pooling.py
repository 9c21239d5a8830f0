"""Pools, sliding and global."""

from typing import Any

from ..graph import Tensor
from ..ops.avg_pool import AvgPool
from ..ops.max_pool import MaxPool
from ..ops.reduce_max import ReduceMax
from ..ops.reduce_mean import ReduceMean
from ..ops.windows import Rounding
from .emitter import Emitter, writes
from .errors import OnnxError
from .node import OnnxNode, reads
from .windows import spatial_size, window_attributes


@reads("MaxPool", ignored=("storage_order",))
def max_pool(node: OnnxNode) -> Tensor:
    """The values only; nothing here computes their indices (which storage_order is about)."""
    x = node.input(0)
    window = window_attributes(node, x)
    op = MaxPool(kernel=window.kernel, **window.explicit(spatial_size(x)), dilations=window.dilations, rounding_type=_rounding(node))
    return node.add(op, x)


@reads("AveragePool")
def average_pool(node: OnnxNode) -> Tensor:
    x = node.input(0)
    window = window_attributes(node, x)
    if set(window.dilations) != {1}:
        raise OnnxError(f"dilations must be 1 in an AveragePool, found {list(window.dilations)}")
    exclude_pad = not node.attribute("count_include_pad", 0)
    op = AvgPool(kernel=window.kernel, **window.explicit(spatial_size(x)), exclude_pad=exclude_pad, rounding_type=_rounding(node))
    return node.add(op, x)


def _rounding(node: OnnxNode) -> Rounding:
    """ONNX rounds up as PyTorch does: a window that would begin in the padding at the end is left out."""
    return "ceil_torch" if node.attribute("ceil_mode", 0) else "floor"


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: OnnxNode) -> Tensor:
    x = node.input(0)
    cls = ReduceMean if node.type == "GlobalAveragePool" else ReduceMax
    axes = node.constant(range(2, 2 + len(spatial_size(x))), "axes")
    return node.add(cls(keep_dims=True), x, axes)


# ---- the other way ---------------------------------------------------------------------------------------------------------------


@writes("MaxPool")
def write_max_pool(node: Emitter) -> None:
    node.emit("MaxPool", node.input(0), **_window(node), dilations=node.op.dilations)


@writes("AvgPool")
def write_avg_pool(node: Emitter) -> None:
    node.emit("AveragePool", node.input(0), **_window(node), count_include_pad=int(not node.op.exclude_pad))


def _window(node: Emitter) -> dict[str, Any]:
    """Both ways to round up are ONNX's, where neither refuses the window."""
    op = node.op
    pads = (*op.pads_begin, *op.pads_end)
    return {"kernel_shape": op.kernel, "strides": op.strides, "pads": pads, "ceil_mode": int(op.rounding_type != "floor")}
