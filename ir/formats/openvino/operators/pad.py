"""Pad, whose widths may be negative since version 12: these cut."""

import numpy as np

from ....graph import Tensor
from ....ops.common.axes import integers
from ....ops.pad import Pad
from ....ops.slice import Slice
from ..node import OpenVinoNode, reads


@reads("Pad")
def pad(node: OpenVinoNode) -> Tensor:
    """Inputs: data, pads_begin, pads_end, and for some modes a value. What is cut goes first, by a Slice."""
    x, begin, end, *value = node.inputs
    op = node.read(Pad)
    widths = [
        np.array(integers(node.known(i, name), name), np.int64)
        for i, name in ((1, "pads_begin"), (2, "pads_end"))
    ]
    if all((w >= 0).all() for w in widths):
        return node.add(op, x, begin, end, *value)
    start, stop = np.maximum(-widths[0], 0), np.where(widths[1] < 0, widths[1], np.iinfo(np.int64).max)
    bounds = {"start": start, "stop": stop, "step": np.ones_like(start)}
    x = node.add(Slice(), x, *(node.constant(v, name) for name, v in bounds.items()), suffix="cut")
    added = [
        node.constant(np.maximum(w, 0), name)
        for name, w in zip(("pads_begin", "pads_end"), widths, strict=True)
    ]
    return node.add(op, x, *added, *value)
