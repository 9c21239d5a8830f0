"""Pools, sliding and global."""

import functools
import math
from typing import Any

import numpy as np

from .... import memory
from ....graph import Tensor
from ....ops.avg_pool import AvgPool
from ....ops.common.windows import Rounding, Window
from ....ops.convolution import Convolution
from ....ops.divide import Divide
from ....ops.max_pool import MaxPool
from ....ops.reduce_max import ReduceMax
from ....ops.reduce_mean import ReduceMean
from ...common.auto_pad import WindowAttributes
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads
from .windows import spatial_size, window_attributes


@reads("MaxPool", ignored=("storage_order",))
def max_pool(node: OnnxNode) -> Tensor:
    """The values only; nothing here computes their indices (which storage_order is about)."""
    x = node.input(0)
    window = window_attributes(node, x)
    op = MaxPool(
        kernel=window.kernel,
        **window.explicit(spatial_size(x)),
        dilations=window.dilations,
        rounding_type=_rounding(node),
    )
    return node.add(op, x)


@reads("AveragePool")
def average_pool(node: OnnxNode) -> Tensor:
    x = node.input(0)
    window = window_attributes(node, x)
    exclude_pad, rounding = not node.attribute("count_include_pad", 0), _rounding(node)
    if set(window.dilations) != {1}:
        return _dilated_mean(node, window, exclude_pad, rounding)
    op = AvgPool(
        kernel=window.kernel,
        **window.explicit(spatial_size(x)),
        exclude_pad=exclude_pad,
        rounding_type=rounding,
    )
    return node.add(op, x)


def _dilated_mean(
    node: OnnxNode, attributes: WindowAttributes, exclude_pad: bool, rounding: Rounding
) -> Tensor:
    """AvgPool has no dilations: a depthwise convolution with ones adds up, and a constant says how many there
    were.
    """
    x, size = node.input(0), spatial_size(node.input(0))
    if -1 in size:
        raise OnnxError(f"dilations of an AveragePool need a fixed spatial size, found {list(size)}")
    window = Window(
        attributes.kernel, dilations=attributes.dilations, rounding=rounding, **attributes.explicit(size)
    )
    output, begin, end = window.output_size(size), window.pads_begin, window.pads_end
    taps = sum(o * k for o, k in zip(output, window.kernel, strict=True))
    memory.take(
        8 * (x.shape[1] * math.prod(window.kernel) + math.prod(output) + 4 * taps),
        "an AveragePool with dilations",
    )
    counts = []
    for i, positions in enumerate(output):
        seen = (
            np.arange(positions)[:, None] * window.strides[i]
            - begin[i]
            + np.arange(window.kernel[i]) * window.dilations[i]
        )
        first, past = (0, size[i]) if exclude_pad else (-begin[i], size[i] + end[i])
        counts.append(((seen >= first) & (seen < past)).sum(axis=1))
    needed = zip(output, window.strides, window.reach, begin, size, strict=True)
    ends = tuple(max(0, (o - 1) * s + r - b - n) for o, s, r, b, n in needed)
    op = Convolution(
        strides=window.strides, pads_begin=begin, pads_end=ends, dilations=window.dilations, groups=x.shape[1]
    )
    total = node.add(
        op, x, node.constant(np.ones((x.shape[1], 1, *window.kernel)), "ones", x.dtype), suffix="total"
    )
    return node.add(
        Divide(), total, node.constant(functools.reduce(np.multiply.outer, counts), "counts", x.dtype)
    )


def _rounding(node: OnnxNode) -> Rounding:
    """ONNX rounds up as PyTorch does: a window that would begin in the padding at the end is left out."""
    return "ceil_torch" if node.attribute("ceil_mode", 0) else "floor"


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: OnnxNode) -> Tensor:
    x = node.input(0)
    cls = ReduceMean if node.type == "GlobalAveragePool" else ReduceMax
    axes = node.constant(range(2, 2 + len(spatial_size(x))), "axes")
    return node.add(cls(keep_dims=True), x, axes)


# ---- the other way -----------------------------------------------------------------------------------------


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
    return {
        "kernel_shape": op.kernel,
        "strides": op.strides,
        "pads": pads,
        "ceil_mode": int(op.rounding_type != "floor"),
    }
