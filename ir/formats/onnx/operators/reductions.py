"""Reductions; their axes were an attribute first and became an input, ReduceSum's at opset 13, the others' at
18.
"""

from ....dtypes import BOOL, FLOATS, U8
from ....graph import Tensor
from ....ops.abs import Abs
from ....ops.add import Add
from ....ops.arg_max import ArgMax
from ....ops.common.reductions import Reduction
from ....ops.convert import Convert
from ....ops.exp import Exp
from ....ops.log import Log
from ....ops.multiply import Multiply
from ....ops.negative import Negative
from ....ops.not_equal import NotEqual
from ....ops.reduce_max import ReduceMax
from ....ops.reduce_mean import ReduceMean
from ....ops.reduce_min import ReduceMin
from ....ops.reduce_prod import ReduceProd
from ....ops.reduce_sum import ReduceSum
from ....ops.sqrt import Sqrt
from ....ops.subtract import Subtract
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

SAME: dict[str, type[Reduction]] = {
    "ReduceMax": ReduceMax,
    "ReduceMean": ReduceMean,
    "ReduceMin": ReduceMin,
    "ReduceProd": ReduceProd,
    "ReduceSum": ReduceSum,
}


@reads(*SAME)
def same(node: OnnxNode) -> Tensor:
    """Booleans, of which ONNX has a largest and a smallest, go through bytes."""
    x, axes, keep_dims = _arguments(node)
    op = SAME[node.type](keep_dims=keep_dims)
    if x.dtype != BOOL or node.type not in ("ReduceMax", "ReduceMin"):
        return node.add(op, x, axes)
    codes = node.add(op, node.add(Convert(destination_type=U8), x, suffix="codes"), axes, suffix="reduced")
    return node.add(NotEqual(), codes, node.constant(0, "zero", U8))


@reads("ReduceL1")
def reduce_l1(node: OnnxNode) -> Tensor:
    x, axes, keep_dims = _arguments(node)
    return node.add(ReduceSum(keep_dims=keep_dims), node.add(Abs(), x, suffix="abs"), axes)


@reads("ReduceL2")
def reduce_l2(node: OnnxNode) -> Tensor:
    x, axes, keep_dims = _arguments(node)
    total = node.add(
        ReduceSum(keep_dims=keep_dims), node.add(Multiply(), x, x, suffix="square"), axes, suffix="sum"
    )
    return node.add(Sqrt(), total)


@reads("ReduceSumSquare")
def reduce_sum_square(node: OnnxNode) -> Tensor:
    x, axes, keep_dims = _arguments(node)
    return node.add(ReduceSum(keep_dims=keep_dims), node.add(Multiply(), x, x, suffix="square"), axes)


@reads("ReduceLogSum")
def reduce_log_sum(node: OnnxNode) -> Tensor:
    x, axes, keep_dims = _arguments(node)
    return node.add(Log(), node.add(ReduceSum(keep_dims=keep_dims), x, axes, suffix="sum"))


@reads("ReduceLogSumExp")
def reduce_log_sum_exp(node: OnnxNode) -> Tensor:
    """log(sum(e^x)) = m + log(sum(e^(x - m))), with m the largest x, so that no power overflows."""
    x, axes, keep_dims = _arguments(node)
    largest = node.add(ReduceMax(keep_dims=True), x, axes, suffix="largest")
    powers = node.add(Exp(), node.add(Subtract(), x, largest, suffix="shifted"), suffix="exp")
    log = node.add(Log(), node.add(ReduceSum(keep_dims=keep_dims), powers, axes, suffix="sum"), suffix="log")
    if not keep_dims:
        largest = node.add(ReduceMax(keep_dims=False), x, axes, suffix="shift")
    return node.add(Add(), log, largest)


@reads("ArgMax", "ArgMin")
def arg_max(node: OnnxNode) -> Tensor:
    x = node.input(0)
    if node.type == "ArgMin":
        x = node.add(Negative(), x, suffix="negative")
    op = ArgMax(
        axis=node.attribute("axis", 0),
        keep_dims=bool(node.attribute("keepdims", 1)),
        select_last_index=bool(node.attribute("select_last_index", 0)),
    )
    return node.add(op, x)


def _arguments(node: OnnxNode) -> tuple[Tensor, Tensor, bool]:
    """(data, axes, keep_dims). No axes means all, unless noop_with_empty_axes says none."""
    x, keep_dims = node.input(0), bool(node.attribute("keepdims", 1))
    given, none_means_none = node.attribute("axes"), node.attribute("noop_with_empty_axes", 0)
    if given is None and node.has(1):
        given = node.integers(1)
    if not given:
        given = () if none_means_none else range(len(x.shape))
    return x, node.constant(given, "axes"), keep_dims


# ---- the other way -----------------------------------------------------------------------------------------


GLOBAL_POOLS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}


@writes(*(op().type for op in SAME.values()))
def write_same(node: Emitter) -> None:
    """Write a pool if the reduction is over a whole image, because runtimes have pools for integers, too. No
    axes means no reduction, which ONNX has to be told.
    """
    axes, rank = node.integers(1), node.rank()
    if (
        node.node.type in GLOBAL_POOLS
        and node.dtype() in FLOATS
        and rank > 2
        and node.op.keep_dims
        and sorted(a % rank for a in axes) == list(range(2, rank))
    ):
        node.emit(GLOBAL_POOLS[node.node.type], node.input(0))
        return
    node.emit(
        node.node.type,
        node.input(0),
        node.constant(axes, "axes"),
        keepdims=int(node.op.keep_dims),
        noop_with_empty_axes=int(not axes),
    )


@writes("ArgMax")
def write_arg_max(node: Emitter) -> None:
    op = node.op
    node.emit(
        "ArgMax",
        node.input(0),
        axis=op.axis,
        keepdims=int(op.keep_dims),
        select_last_index=int(op.select_last_index),
    )
