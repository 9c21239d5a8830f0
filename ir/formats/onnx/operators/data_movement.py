"""Operators that pick, move, repeat and pad data."""

import numpy as np
from onnx import helper

from .... import memory
from ....dtypes import I32, I64
from ....graph import Tensor
from ....ops.concat import Concat
from ....ops.depth_to_space import DepthToSpace
from ....ops.gather import Gather
from ....ops.pad import Pad
from ....ops.slice import Slice
from ....ops.space_to_depth import SpaceToDepth
from ....ops.split import Split
from ....ops.tile import Tile
from ....ops.top_k import TopK
from ....ops.variadic_split import VariadicSplit
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

LAST = int(np.iinfo(np.int64).max)  # past the end of any axis


@reads("Concat")
def concat(node: OnnxNode) -> Tensor:
    return node.add(Concat(axis=node.attribute("axis", 0)), *node.inputs())


@reads("Gather")
def gather(node: OnnxNode) -> Tensor:
    return node.add(Gather(), node.input(0), node.input(1), node.constant(node.attribute("axis", 0), "axis"))


@reads("Slice", until=9)
def slice_by_attributes(node: OnnxNode) -> Tensor:
    starts, ends = node.attribute("starts", ()), node.attribute("ends", ())
    axes = node.attribute("axes", tuple(range(len(starts))))
    bounds = {"start": starts, "stop": ends, "step": (1,) * len(starts), "axes": axes}
    return node.add(Slice(), node.input(0), *(node.constant(value, name) for name, value in bounds.items()))


@reads("Slice", since=10)
def slice_by_inputs(node: OnnxNode) -> Tensor:
    start, stop = node.input(1), node.input(2)
    (count,) = start.shape
    step = node.input(4) if node.has(4) else node.constant((1,) * count, "step")
    axes = node.input(3) if node.has(3) else node.constant(range(count), "axes")
    return node.add(Slice(), node.input(0), start, stop, step, axes)


@reads("Split")
def split(node: OnnxNode) -> list[Tensor]:
    """Parts of given lengths (an attribute, from opset 13 on an input), or of one length but for a shorter
    last one.
    """
    x, count = node.input(0), len(node.proto.output)
    lengths, axis = node.attribute("split"), node.attribute("axis", 0)
    if node.attribute("num_outputs", count) != count:
        raise OnnxError(f"num_outputs must be the number of outputs, {count}")
    cut = node.constant(axis, "axis")
    if node.has(1):
        return node.add_all(VariadicSplit(), x, cut, node.input(1))
    if lengths is None:
        whole = x.shape[axis]
        if whole % count == 0 or whole == -1:
            return node.add_all(Split(num_splits=count), x, cut)
        part = -(-whole // count)
        lengths = (part,) * (count - 1) + (whole - part * (count - 1),)
    return node.add_all(VariadicSplit(), x, cut, node.constant(lengths, "lengths"))


@reads("Pad", until=10)
def pad_by_attributes(node: OnnxNode) -> Tensor:
    return _pad(
        node,
        node.attribute("pads", ()),
        node.constant(node.attribute("value", 0.0), "value", node.input(0).dtype),
    )


@reads("Pad", since=11)
def pad_by_inputs(node: OnnxNode) -> Tensor:
    """From opset 18 on the pads may be given for some axes only."""
    x, pads = node.input(0), node.integers(1)
    if node.has(3):
        rank, axes = len(x.shape), node.integers(3)
        some, pads_by_axis = pads, np.zeros((2, rank), np.int64)
        pads_by_axis[:, [a % rank for a in axes]] = np.reshape(some, (2, len(axes)))
        pads = tuple(pads_by_axis.ravel().tolist())
    value = node.reshaped(2, ()) if node.has(2) else node.constant(0, "value", x.dtype)
    return _pad(node, pads, value)


def _pad(node: OnnxNode, pads: tuple[int, ...], value: Tensor) -> Tensor:
    """pads: all beginnings, then all ends. Negative ones cut: a Slice before what remains to pad."""
    x, rank = node.input(0), len(node.input(0).shape)
    if len(pads) != 2 * rank:
        raise OnnxError(f"pads must hold {2 * rank} numbers for a tensor of rank {rank}, found {list(pads)}")
    begin, end = np.reshape(pads, (2, rank))
    if min(pads, default=0) < 0:
        stop = [e if e < 0 else np.iinfo(np.int64).max for e in end]
        bounds = {"start": np.maximum(-begin, 0), "stop": stop, "step": [1] * rank}
        x = node.add(Slice(), x, *(node.constant(v, name) for name, v in bounds.items()), suffix="cut")
    mode = node.choice("mode", "constant", {m: m for m in ("constant", "edge", "reflect", "wrap")})
    if mode == "wrap":
        return _wrapped(node, x, np.maximum(begin, 0), np.maximum(end, 0))
    widths = [node.constant(np.maximum(w, 0), name) for name, w in (("pads_begin", begin), ("pads_end", end))]
    return node.add(Pad(pad_mode=mode), x, *widths, *([value] if mode == "constant" else []))


def _wrapped(node: OnnxNode, x: Tensor, begin: np.ndarray, end: np.ndarray) -> Tensor:
    """What lies behind a border comes from the other side: along every padded axis a Gather of the places,
    counted around.
    """
    padded = [axis for axis in range(len(x.shape)) if begin[axis] or end[axis]]
    for axis in padded:
        size = x.shape[axis]
        if size < 1:
            raise OnnxError(
                f"mode wrap needs a dimension that is known and not empty, found {size} for axis {axis}"
            )
        memory.take(16 * int(begin[axis] + size + end[axis]), f"axis {axis} with its border")
        places = node.constant(np.arange(-begin[axis], size + end[axis]) % size, f"places_{axis}")
        suffix = "" if axis == padded[-1] else f"wrapped_{axis}"
        x = node.add(Gather(), x, places, node.constant(axis, f"axis_{axis}"), suffix=suffix)
    return x


@reads("Tile")
def tile(node: OnnxNode) -> Tensor:
    return node.add(Tile(), node.input(0), node.input(1))


@reads("DepthToSpace")
def depth_to_space(node: OnnxNode) -> Tensor:
    mode = node.choice("mode", "DCR", {"DCR": "blocks_first", "CRD": "depth_first"})
    return node.add(DepthToSpace(mode=mode, block_size=node.attribute("blocksize")), node.input(0))


@reads("SpaceToDepth", until=25)
def space_to_depth(node: OnnxNode) -> Tensor:
    return node.add(SpaceToDepth(mode="blocks_first", block_size=node.attribute("blocksize")), node.input(0))


@reads("SpaceToDepth", since=26)
def space_to_depth_in_two_orders(node: OnnxNode) -> Tensor:
    mode = node.choice("mode", "DCR", {"DCR": "blocks_first", "CRD": "depth_first"})
    return node.add(SpaceToDepth(mode=mode, block_size=node.attribute("blocksize")), node.input(0))


@reads("TopK", until=9)
def top_k_by_attribute(node: OnnxNode) -> list[Tensor]:
    return _top_k(node, node.constant(node.attribute("k"), "k"))


@reads("TopK", since=10)
def top_k_by_input(node: OnnxNode) -> list[Tensor]:
    return _top_k(node, node.input(1))


def _top_k(node: OnnxNode, k: Tensor) -> list[Tensor]:
    op = TopK(
        axis=node.attribute("axis", -1),
        mode="max" if node.attribute("largest", 1) else "min",
        sort="value" if node.attribute("sorted", 1) else "none",
        index_element_type=np.dtype(np.int64),
    )
    return node.add_all(op, node.input(0), k)


# ---- the other way -----------------------------------------------------------------------------------------


@writes("Concat")
def write_concat(node: Emitter) -> None:
    node.emit("Concat", *node.inputs(), axis=node.op.axis)


@writes("Gather")
def write_gather(node: Emitter) -> None:
    if node.op.batch_dims:
        raise OnnxError(f"batch_dims must be 0 in ONNX, found {node.op.batch_dims}")
    indices = node.input(1)
    if node.dtype(1) not in (I32, I64):
        indices = node.cast(indices, I64, suffix="indices")
    node.emit("Gather", node.input(0), indices, axis=node.axis(2, node.rank()))


@writes("Slice")
def write_slice(node: Emitter) -> None:
    """ONNX orders the inputs (data, start, stop, axes, step)."""
    start, stop, step = (node.as_int64(i, name) for i, name in ((1, "start"), (2, "stop"), (3, "step")))
    count = node.node.inputs[1].shape[0]
    axes = node.as_int64(4, "axes") if node.has(4) else node.constant(range(count), "axes")
    node.emit("Slice", node.input(0), start, stop, axes, step)


@writes("StridedSlice")
def write_strided_slice(node: Emitter) -> None:
    """A Slice of the axes that have bounds, then Squeeze and Unsqueeze for those that go and come."""
    cuts, gone, new = _cuts(node)
    bounds = [
        node.constant(values, name)
        for values, name in zip(zip(*cuts, strict=True), ("start", "stop", "axes", "step"), strict=True)
    ]
    x = (
        node.emit("Slice", node.input(0), *bounds, suffix="slice" if gone or new else "")
        if cuts
        else node.input(0)
    )
    if gone:
        x = node.emit("Squeeze", x, node.constant(gone, "gone"), suffix="squeezed" if new else "")
    if new:
        node.emit("Unsqueeze", x, node.constant(new, "new"))
    elif not cuts:
        node.emit("Identity", x)


def _cuts(node: Emitter) -> tuple[list[tuple[int, int, int, int]], list[int], list[int]]:
    """((start, stop, axis, step) of each axis that is cut, axes of the input that go, axes of the output that
    are new).
    """
    begin, end = node.integers(1), node.integers(2)
    strides = node.integers(3) if node.has(3) else [1] * len(begin)
    entries = [node.op.entry(i, bounds) for i, bounds in enumerate(zip(begin, end, strides, strict=True))]
    unnamed = node.rank() - sum(isinstance(e, slice | int) for e in entries)
    cuts, gone, new = [], [], []
    axis = made = 0  # where the next entry is, in the input and in the output
    for entry in entries:
        if entry is Ellipsis:
            axis, made = axis + unnamed, made + unnamed
        elif entry is None:
            new.append(made)
            made += 1
        elif isinstance(entry, int):
            cuts.append((entry, entry + 1 or LAST, axis, 1))
            gone.append(axis)
            axis += 1
        else:
            first, last = (0, LAST) if entry.step > 0 else (LAST, -LAST)
            cuts.append(
                (
                    first if entry.start is None else entry.start,
                    last if entry.stop is None else entry.stop,
                    axis,
                    entry.step,
                )
            )
            axis, made = axis + 1, made + 1
    return cuts, gone, new


@writes("Split", "VariadicSplit")
def write_split(node: Emitter) -> None:
    axis = node.axis(1, node.rank())
    if node.node.type == "Split":
        node.emit("Split", node.input(0), axis=axis, num_outputs=node.op.num_splits)
        return
    lengths = node.integers(2)
    if -1 in lengths:
        lengths = [t.shape[axis] for t in node.node.outputs]
        if -1 in lengths:
            raise OnnxError("lengths may not depend on the batch")
    node.emit("Split", node.input(0), node.constant(lengths, "lengths"), axis=axis)


@writes("Pad")
def write_pad(node: Emitter) -> None:
    if node.op.pad_mode == "symmetric":
        raise OnnxError("pad_mode 'symmetric' does not exist in ONNX")
    pads = node.constant(node.integers(1) + node.integers(2), "pads")
    node.emit("Pad", node.input(0), pads, *([node.input(3)] if node.has(3) else []), mode=node.op.pad_mode)


@writes("Tile")
def write_tile(node: Emitter) -> None:
    """ONNX wants a repeat for each axis: the shorter of shape and repeats gets ones in front."""
    repeats, x, rank = node.integers(1), node.input(0), node.rank()
    if len(repeats) > rank:
        x = node.emit("Unsqueeze", x, node.constant(range(len(repeats) - rank), "new"), suffix="unsqueezed")
    node.emit("Tile", x, node.constant([1] * (rank - len(repeats)) + repeats, "repeats"))


@writes("DepthToSpace")
def write_depth_to_space(node: Emitter) -> None:
    mode = "DCR" if node.op.mode == "blocks_first" else "CRD"
    node.emit("DepthToSpace", node.input(0), mode=mode, blocksize=node.op.block_size)


@writes("SpaceToDepth")
def write_space_to_depth(node: Emitter) -> None:
    """ONNX puts the blocks first; channels first is that with the two swapped: (N,b*b,C,H,W) ->
    (N,C,b*b,H,W).
    """
    size = node.op.block_size
    if node.op.mode == "blocks_first":
        node.emit("SpaceToDepth", node.input(0), blocksize=size)
        return
    channels = node.node.inputs[0].shape[1]
    n, _, height, width = node.node.output.shape
    y = node.emit("SpaceToDepth", node.input(0), blocksize=size, suffix="blocks_first")
    y = node.emit("Reshape", y, node.constant((n, size**2, channels, height, width), "split"), suffix="apart")
    y = node.emit("Transpose", y, suffix="swapped", perm=(0, 2, 1, 3, 4))
    node.emit("Reshape", y, node.constant((n, size**2 * channels, height, width), "joined"))


@writes("TopK")
def write_top_k(node: Emitter) -> None:
    op = node.op
    if op.sort == "index":
        raise OnnxError("sort 'index' does not exist in ONNX")
    attributes = {"axis": op.axis, "largest": int(op.mode == "max"), "sorted": int(op.sort == "value")}
    k = node.as_int64(1, "k")
    values, indices = node.outputs
    made = indices if op.index_element_type == I64 else node.step("indices")
    node.emit_as(node.node.name, "TopK", node.input(0), k, outputs=[values, made], **attributes)
    if made != indices:
        node.emit_as(indices, "Cast", made, to=helper.np_dtype_to_tensor_dtype(op.index_element_type))
