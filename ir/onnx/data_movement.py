"""Operators that pick, move, repeat and pad data."""

import numpy as np

from ..graph import Tensor
from ..ops.concat import Concat
from ..ops.depth_to_space import DepthToSpace
from ..ops.gather import Gather
from ..ops.pad import Pad
from ..ops.slice import Slice
from ..ops.space_to_depth import SpaceToDepth
from ..ops.split import Split
from ..ops.tile import Tile
from ..ops.top_k import TopK
from ..ops.variadic_split import VariadicSplit
from .errors import OnnxError
from .node import OnnxNode, reads


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
    """Parts of given lengths (an attribute, from opset 13 on an input), or of one length but for a shorter last one."""
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
    return _pad(node, node.attribute("pads", ()), node.constant(node.attribute("value", 0.0), "value", node.input(0).dtype))


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
    mode = node.choice("mode", "constant", {"constant": "constant", "edge": "edge", "reflect": "reflect"})
    widths = [node.constant(np.maximum(w, 0), name) for name, w in (("pads_begin", begin), ("pads_end", end))]
    return node.add(Pad(pad_mode=mode), x, *widths, *([value] if mode == "constant" else []))


@reads("Tile")
def tile(node: OnnxNode) -> Tensor:
    return node.add(Tile(), node.input(0), node.input(1))


@reads("DepthToSpace")
def depth_to_space(node: OnnxNode) -> Tensor:
    mode = node.choice("mode", "DCR", {"DCR": "blocks_first", "CRD": "depth_first"})
    return node.add(DepthToSpace(mode=mode, block_size=node.attribute("blocksize")), node.input(0))


@reads("SpaceToDepth")
def space_to_depth(node: OnnxNode) -> Tensor:
    return node.add(SpaceToDepth(mode="blocks_first", block_size=node.attribute("blocksize")), node.input(0))


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
