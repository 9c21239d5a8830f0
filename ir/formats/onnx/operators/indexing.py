"""Elements and slices that tensors of indices name: gathered, scattered, counted, switched on."""

from typing import Any, Final

import numpy as np

from .... import memory
from ....graph import Tensor
from ....ops.add import Add
from ....ops.cum_sum import CumSum
from ....ops.equal import Equal
from ....ops.gather_elements import GatherElements
from ....ops.gather_nd import GatherND
from ....ops.less import Less
from ....ops.scatter_elements_update import ScatterElementsUpdate
from ....ops.scatter_nd_update import ScatterNDUpdate
from ....ops.select import Select
from ....ops.unsqueeze import Unsqueeze
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

REDUCTIONS: Final = {"none": "none", "add": "sum", "mul": "prod", "min": "min", "max": "max"}
WRITTEN: Final = {ours: theirs for theirs, ours in REDUCTIONS.items()}


@reads("GatherElements")
def gather_elements(node: OnnxNode) -> Tensor:
    return node.add(GatherElements(axis=node.attribute("axis", 0)), node.input(0), node.input(1))


@reads("GatherND")
def gather_nd(node: OnnxNode) -> Tensor:
    return node.add(GatherND(batch_dims=node.attribute("batch_dims", 0)), node.input(0), node.input(1))


@reads("Scatter", until=10)
def scatter(node: OnnxNode) -> Tensor:
    """The first name of ScatterElements."""
    return _scatter_elements(node, "none")


@reads("ScatterElements")
def scatter_elements(node: OnnxNode) -> Tensor:
    return _scatter_elements(node, node.choice("reduction", "none", REDUCTIONS))


def _scatter_elements(node: OnnxNode, reduction: Any) -> Tensor:
    axis = node.constant(node.attribute("axis", 0), "axis")
    return node.add(ScatterElementsUpdate(reduction=reduction), *node.inputs(), axis)


@reads("ScatterND")
def scatter_nd(node: OnnxNode) -> Tensor:
    reduction: Any = node.choice("reduction", "none", REDUCTIONS)
    return node.add(ScatterNDUpdate(reduction=reduction), *node.inputs())


@reads("CumSum")
def cum_sum(node: OnnxNode) -> Tensor:
    op = CumSum(exclusive=bool(node.attribute("exclusive", 0)), reverse=bool(node.attribute("reverse", 0)))
    return node.add(op, node.input(0), node.input(1))


@reads("OneHot")
def one_hot(node: OnnxNode) -> Tensor:
    """Each index compared with 0 .. depth - 1 along a new axis. Indices below zero count from the end; those
    out of range are nowhere.
    """
    indices, values = node.input(0), node.known(2)
    rank = len(indices.shape)
    axis = node.attribute("axis", -1)
    if not -rank - 1 <= axis <= rank:
        raise OnnxError(f"axis must be within [{-rank - 1}, {rank}], found {axis}")
    axis %= rank + 1
    (depth,) = node.integers(1)
    memory.take(8 * max(depth, 0), f"a new axis of {depth}")
    zero, size = (node.constant(v, name, indices.dtype) for v, name in ((0, "zero"), (depth, "depth")))
    negative = node.add(Less(), indices, zero, suffix="is_negative")
    positive = node.add(
        Select(), negative, node.add(Add(), indices, size, suffix="from_end"), indices, suffix="positive"
    )
    places = np.arange(depth, dtype=indices.dtype).reshape((-1,) + (1,) * (rank - axis))
    column = node.add(Unsqueeze(), positive, node.constant([axis], "axis"), suffix="column")
    hot = node.add(Equal(), column, node.constant(places, "places", indices.dtype), suffix="is_hot")
    off, on = (node.constant(v, name, values.dtype) for v, name in zip(values, ("off", "on"), strict=True))
    return node.add(Select(), hot, on, off)


@reads("Trilu")
def trilu(node: OnnxNode) -> Tensor:
    """A triangle of every matrix, zeros elsewhere; which one is known, as the sizes of the matrices are."""
    x, k = node.input(0), node.integers(1)[0] if node.has(1) else 0
    upper = bool(node.attribute("upper", 1))
    *_, rows, columns = x.shape
    if -1 in (rows, columns):
        raise OnnxError(f"the matrices must have a known size, found {list(x.shape)}")
    memory.take(rows * columns, f"a triangle of {rows} x {columns}")
    below = np.tri(rows, columns, k - upper, dtype=bool)
    inside = node.constant(~below if upper else below, "inside", bool)
    return node.add(Select(), inside, x, node.constant(0, "zero", x.dtype))


# ---- the other way -----------------------------------------------------------------------------------------


@writes("GatherElements")
def write_gather_elements(node: Emitter) -> None:
    node.emit("GatherElements", node.input(0), node.input(1), axis=node.op.axis)


@writes("GatherND")
def write_gather_nd(node: Emitter) -> None:
    node.emit("GatherND", node.input(0), node.input(1), batch_dims=node.op.batch_dims)


@writes("ScatterElementsUpdate")
def write_scatter_elements(node: Emitter) -> None:
    if not node.op.use_init_val and node.op.reduction != "none":
        raise OnnxError("ONNX reduces updates with what was there before")
    axis = node.axis(3, node.rank())
    node.emit("ScatterElements", *node.inputs()[:3], axis=axis, reduction=_written(node))


@writes("ScatterNDUpdate")
def write_scatter_nd(node: Emitter) -> None:
    node.emit("ScatterND", *node.inputs(), reduction=_written(node))


def _written(node: Emitter) -> str:
    if node.op.reduction not in WRITTEN:
        raise OnnxError(f"ONNX has no reduction {node.op.reduction!r}")
    return WRITTEN[node.op.reduction]


@writes("CumSum")
def write_cum_sum(node: Emitter) -> None:
    axis = node.constant(node.axis(1, node.rank()), "axis")
    node.emit("CumSum", node.input(0), axis, exclusive=int(node.op.exclusive), reverse=int(node.op.reverse))
