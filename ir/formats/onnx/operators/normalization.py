"""Normalizations: batch norm is a layer of its own; the others are MVN, a scale and a shift."""

import numpy as np

from ....dtypes import F32
from ....graph import Tensor
from ....ops.abs import Abs
from ....ops.add import Add
from ....ops.batch_norm_inference import BatchNormInference
from ....ops.divide import Divide
from ....ops.multiply import Multiply
from ....ops.mvn import MVN
from ....ops.normalize_l2 import NormalizeL2
from ....ops.reduce_sum import ReduceSum
from ....ops.reshape import Reshape
from ...common.local_response import mean_of_channels, normalize
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

TINY = float(np.finfo(np.float32).tiny)  # only keeps a vector of zeros from being divided by zero


@reads("BatchNormalization", ignored=("momentum",))
def batch_normalization(node: OnnxNode) -> Tensor:
    if node.attribute("training_mode", 0):
        raise OnnxError("training_mode 1 is not supported; export the model for inference")
    return node.add(BatchNormInference(epsilon=node.attribute("epsilon", 1e-5)), *node.inputs())


@reads("InstanceNormalization")
def instance_normalization(node: OnnxNode) -> Tensor:
    x = node.input(0)
    normal = _mvn(node, x, range(2, len(x.shape)), node.attribute("epsilon", 1e-5))
    return _scale_and_shift(node, normal, [_per_channel(node, i, len(x.shape)) for i in (1, 2)])


@reads("GroupNormalization", since=21, ignored=("stash_type",))
def group_normalization(node: OnnxNode) -> Tensor:
    """Each group of channels is normalized as one; scale and shift are per channel."""
    x = node.input(0)
    y = node.add(Reshape(), _by_group(node, x), node.constant(x.shape, "shape"), suffix="ungrouped")
    return _scale_and_shift(node, y, [_per_channel(node, i, len(x.shape)) for i in (1, 2)])


@reads("GroupNormalization", since=18, until=20)
def group_normalization_with_a_scale_for_each_group(node: OnnxNode) -> Tensor:
    x = node.input(0)
    y = _scale_and_shift(
        node, _by_group(node, x), [_per_channel(node, i, 3) for i in (1, 2)], suffix="grouped_result"
    )
    return node.add(Reshape(), y, node.constant(x.shape, "shape"))


@reads("LRN")
def local_response_normalization(node: OnnxNode) -> Tensor:
    """The window lies along the channels."""
    x, size = node.input(0), node.attribute("size")
    if size is None or size < 1:
        raise OnnxError(f"size must be at least 1, found {size}")
    numbers = {name: node.attribute(name, v) for name, v in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))}
    return normalize(node, x, mean_of_channels(node, x, size), **numbers)


def _by_group(node: OnnxNode, x: Tensor) -> Tensor:
    """(N,C,...) -> (N, groups, -1), normalized along the last axis."""
    shape = node.constant((0, node.attribute("num_groups", 1), -1), "group_shape")
    grouped = node.add(Reshape(special_zero=True), x, shape, suffix="grouped")
    return _mvn(node, grouped, (2,), node.attribute("epsilon", 1e-5))


@reads("LayerNormalization", since=17, ignored=("stash_type",))
def layer_normalization(node: OnnxNode) -> Tensor:
    """Normalizes over the axes from `axis` on."""
    x = node.input(0)
    rank = len(x.shape)
    normal = _mvn(node, x, range(node.attribute("axis", -1) % rank, rank), node.attribute("epsilon", 1e-5))
    return _scale_and_shift(node, normal, [node.input(i) for i in (1, 2) if node.has(i)])


@reads("MeanVarianceNormalization")
def mean_variance_normalization(node: OnnxNode) -> Tensor:
    x = node.input(0)
    axes = node.constant(node.attribute("axes", (0, 2, 3)), "axes")
    return node.add(MVN(normalize_variance=True, eps=1e-9, eps_mode="outside_sqrt"), x, axes)


@reads("LpNormalization")
def lp_normalization(node: OnnxNode) -> Tensor:
    """Divides by the length along an axis: Euclidean (p=2), or the sum of absolute values (p=1)."""
    x = node.input(0)
    axes = node.constant([node.attribute("axis", -1)], "axes")
    p = node.attribute("p", 2)
    if p not in (1, 2):
        raise OnnxError(f"p must be 1 or 2, found {p}")
    if p == 2:
        return node.add(NormalizeL2(eps=TINY, eps_mode="max"), x, axes)
    absolute = node.add(Abs(), x, suffix="abs")
    return node.add(Divide(), x, node.add(ReduceSum(keep_dims=True), absolute, axes, suffix="length"))


def _mvn(node: OnnxNode, x: Tensor, axes: range | tuple[int, ...], epsilon: float) -> Tensor:
    return node.add(
        MVN(normalize_variance=True, eps=epsilon, eps_mode="inside_sqrt"),
        x,
        node.constant(axes, "axes"),
        suffix="normal",
    )


def _per_channel(node: OnnxNode, i: int, rank: int) -> Tensor:
    """Input i, (C,), as (C,1,1): it then lines up with the channels."""
    return node.reshaped(i, (-1, *(1,) * (rank - 2)))


def _scale_and_shift(
    node: OnnxNode, normal: Tensor, scale_and_shift: list[Tensor], suffix: str = ""
) -> Tensor:
    scale, *shift = scale_and_shift
    if not shift:
        return node.add(Multiply(), normal, scale, suffix=suffix)
    return node.add(Add(), node.add(Multiply(), normal, scale, suffix="scaled"), shift[0], suffix=suffix)


# ---- the other way -----------------------------------------------------------------------------------------


@writes("BatchNormInference")
def write_batch_norm(node: Emitter) -> None:
    node.emit("BatchNormalization", *node.inputs(), epsilon=node.op.epsilon)


@writes("MVN")
def write_mvn(node: Emitter) -> None:
    """Step by step, because ONNX's operators of this kind all mean some axes only, or come with a scale."""
    op, axes = node.op, node.constant(node.integers(1), "axes")
    x = node.input(0) if node.dtype() == F32 else node.cast(node.input(0), F32, suffix="f32")
    mean = node.emit("ReduceMean", x, axes, suffix="mean", noop_with_empty_axes=1)
    last = "" if node.dtype() == F32 else "result"
    if not op.normalize_variance:
        y = node.emit("Sub", x, mean, suffix=last)
    else:
        centered = node.emit("Sub", x, mean, suffix="centered")
        squares = node.emit("Mul", centered, centered, suffix="squares")
        deviation = node.emit("ReduceMean", squares, axes, suffix="variance", noop_with_empty_axes=1)
        eps = node.constant(op.eps, "eps", F32)
        for step in ("add", "sqrt") if op.eps_mode == "inside_sqrt" else ("sqrt", "add"):
            deviation = node.emit(
                "Sqrt" if step == "sqrt" else "Add",
                deviation,
                *([] if step == "sqrt" else [eps]),
                suffix=step,
            )
        y = node.emit("Div", centered, deviation, suffix=last)
    if last:
        node.cast(y, node.dtype())


@writes("NormalizeL2")
def write_normalize_l2(node: Emitter) -> None:
    op, axes, eps = node.op, node.constant(node.integers(1), "axes"), node.constant(node.op.eps, "eps", F32)
    x = node.input(0) if node.dtype() == F32 else node.cast(node.input(0), F32, suffix="f32")
    squares = node.emit("ReduceSum", node.emit("Mul", x, x, suffix="squares"), axes, suffix="sum")
    length = node.emit(
        "Sqrt",
        node.emit("Add" if op.eps_mode == "add" else "Max", squares, eps, suffix="eps"),
        suffix="length",
    )
    if node.dtype() == F32:
        node.emit("Div", x, length)
    else:
        node.cast(node.emit("Div", x, length, suffix="result"), node.dtype())
