"""Operators that move elements and compute nothing."""

import numpy as np
import openvino.opset15 as ov

from numpot.ir.dtypes import BY_NAME, I32, I64
from numpot.ir.ops.broadcast import Broadcast
from numpot.ir.ops.concat import Concat
from numpot.ir.ops.convert import Convert
from numpot.ir.ops.depth_to_space import DepthToSpace
from numpot.ir.ops.flatten import Flatten
from numpot.ir.ops.gather import Gather
from numpot.ir.ops.pad import Pad
from numpot.ir.ops.reshape import Reshape
from numpot.ir.ops.shape_of import ShapeOf
from numpot.ir.ops.slice import Slice
from numpot.ir.ops.space_to_depth import SpaceToDepth
from numpot.ir.ops.split import Split
from numpot.ir.ops.squeeze import Squeeze
from numpot.ir.ops.strided_slice import StridedSlice
from numpot.ir.ops.tile import Tile
from numpot.ir.ops.transpose import Transpose
from numpot.ir.ops.unsqueeze import Unsqueeze
from numpot.ir.ops.variadic_split import VariadicSplit

from .battery import Case, OnnxNode

rng = np.random.default_rng(4)
ROW = np.arange(10, dtype=np.int32)
FRACTIONS = np.array([2.7, -2.7, 300.0, -300.0, 127.5, -0.5, 255.9, 0.0], np.float32)
WHOLES = np.array([1, -1, 200, 300, -300, 30000, 0], np.int32)
LAST = 2**63 - 1  # what exporters write for "to the end"


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def scalar(value: int) -> np.ndarray:
    return np.array(value, np.int64)


X = floats(2, 3, 4, 6)


def strided_slice(op: StridedSlice, begin: list[int], end: list[int], strides: list[int]) -> Case:
    masks = [
        [*m, 0, 0][:2]
        for m in (op.begin_mask, op.end_mask, op.new_axis_mask, op.shrink_axis_mask, op.ellipsis_mask)
    ]
    return Case(
        op,
        [X, ints(*begin), ints(*end), ints(*strides)],
        lambda x, b, e, s: ov.strided_slice(x, b, e, s, *masks),
        label=f"{begin}-{end}-{strides}-{masks}",
    )


def pixels(mode: str, block: int) -> list[Case]:
    """DepthToSpace and SpaceToDepth, of two images."""
    deep, wide = floats(2, 2 * block**2, 2, 3), floats(2, 3, 2 * block, 3 * block)
    return [
        Case(
            DepthToSpace(mode=mode, block_size=block),
            [deep],
            lambda x: ov.depth_to_space(x, mode, block),
            label=f"{mode}-{block}",
        ),
        Case(
            SpaceToDepth(mode=mode, block_size=block),
            [wide],
            lambda x: ov.space_to_depth(x, mode, block),
            label=f"{mode}-{block}",
        ),
    ]


CASES = [
    *(
        Case(
            Convert(destination_type=dtype),
            [x],
            lambda x, name=name: ov.convert(x, name),
            label=f"{x.dtype}-{name}",
        )
        for name, dtype in BY_NAME.items()
        for x in (FRACTIONS, WHOLES)
    ),
    Case(Concat(axis=1), [X, X[:, :1], X[:, 1:]], lambda *xs: ov.concat(list(xs), 1)),
    Case(Concat(axis=-1), [X], lambda *xs: ov.concat(list(xs), -1)),
    Case(Concat(axis=0), [ROW, ROW[:0], ROW[:3]], OnnxNode("Concat", {"axis": 0})),
    Case(Split(num_splits=3), [X, scalar(1)], lambda x, axis: ov.split(x, axis, 3)),
    Case(Split(num_splits=2), [X, scalar(-1)], lambda x, axis: ov.split(x, axis, 2)),
    Case(VariadicSplit(), [X, scalar(3), ints(1, 2, 3)], ov.variadic_split),
    Case(VariadicSplit(), [X, scalar(-2), ints(1, -1)], ov.variadic_split, label="rest"),
    Case(VariadicSplit(), [X, scalar(0), ints(2)], ov.variadic_split, label="whole"),
    Case(VariadicSplit(), [X, scalar(1), ints(3, 0)], ov.variadic_split, label="none"),
    *(
        Case(Slice(), [x, *parts], ov.slice, label=f"{[p.tolist() for p in parts]}")
        for x, *parts in [
            (ROW, ints(2), ints(8), ints(3)),
            (ROW, ints(-3), ints(LAST), ints(1)),
            (ROW, ints(-1), ints(-LAST), ints(-1)),
            (ROW, ints(8), ints(1), ints(-3)),
            (ROW, ints(5), ints(5), ints(1)),
            (ROW, ints(50), ints(60), ints(1)),
            (X, ints(0, 1), ints(1, 3), ints(1, 1)),
            (X, ints(1, 5), ints(3, 0), ints(1, -2), ints(-2, 3)),
        ]
    ),
    Case(
        Slice(),
        [X, ints(1), ints(LAST), ints(2), ints(2)],
        OnnxNode("Slice", order=(0, 1, 2, 4, 3)),
        label="onnx",
    ),
    strided_slice(StridedSlice(), [0, 1], [2, 3], [1, 2]),
    strided_slice(StridedSlice(begin_mask=(1, 1), end_mask=(1, 1)), [0, 1], [2, 3], [1, 2]),
    strided_slice(StridedSlice(begin_mask=(1,), end_mask=(1,)), [0, 2], [0, 3], [1, 1]),
    strided_slice(StridedSlice(begin_mask=(0, 1), end_mask=(1, 1)), [-1, -1], [0, 0], [-1, -1]),
    strided_slice(
        StridedSlice(begin_mask=(1, 0), end_mask=(1, 0), shrink_axis_mask=(0, 1)), [0, -2], [0, 2], [1, 1]
    ),
    strided_slice(
        StridedSlice(begin_mask=(1, 1), end_mask=(1, 1), shrink_axis_mask=(0, 1)), [0, 2], [0, 3], [1, 1]
    ),
    strided_slice(StridedSlice(end_mask=(1, 0), new_axis_mask=(1, 0)), [0, 0], [0, 2], [1, 1]),
    strided_slice(StridedSlice(ellipsis_mask=(1, 0)), [0, 1], [0, 4], [1, 2]),
    Case(
        StridedSlice(),
        [X, ints(1, 0), ints(2, 2)],
        lambda x, b, e: ov.strided_slice(x, b, e, ints(1, 1), [], []),
        label="no strides",
    ),
    *(
        Case(
            Gather(batch_dims=batch),
            [X, np.array(indices, dtype), scalar(axis)],
            lambda x, i, axis, batch=batch: ov.gather(x, i, axis, batch),
            label=f"{indices}-{axis}-{batch}",
        )
        for indices, axis, batch, dtype in [
            ([0, 2, 0], 1, 0, np.int32),
            ([[0, -1], [1, 2]], 3, 0, np.int64),
            (1, -2, 0, np.int64),
            ([], 0, 0, np.int64),
            ([[0, 1], [2, 1]], 2, 1, np.int32),
            ([[1], [0]], 1, -1, np.int64),
            ([[0, 1, 2], [3, 0, 1]], 2, 2, np.int64),
        ]
    ),
    *(
        Case(
            Reshape(special_zero=zero),
            [X, ints(*pattern)],
            lambda x, p, zero=zero: ov.reshape(x, p, zero),
            label=f"{pattern}-{zero}",
        )
        for pattern, zero in [
            ((6, 24), False),
            ((2, -1), False),
            ((0, -1), True),
            ((0, 0, 24), True),
            ((-1,), True),
            ((2, -1, 0, 6), True),
        ]
    ),
    Case(Reshape(), [X[:0], ints(0, 5)], lambda x, p: ov.reshape(x, p, False), label="empty"),
    Case(
        Reshape(special_zero=True),
        [X[:0], ints(0, -1)],
        lambda x, p: ov.reshape(x, p, True),
        label="empty batch",
    ),
    *(
        Case(Flatten(axis=axis), [X], OnnxNode("Flatten", {"axis": axis}), label=f"{axis}")
        for axis in (0, 1, 2, 4, -1)
    ),
    Case(Flatten(), [ROW.astype(np.float32)], OnnxNode("Flatten")),
    Case(Squeeze(), [X[:1, :, :1], ints(0, -2)], ov.squeeze),
    Case(Squeeze(), [X[:1, :, :1], ints(2)], ov.squeeze, label="one axis"),
    Case(Squeeze(), [X[:1, :, :1]], ov.squeeze, label="all axes"),
    Case(Squeeze(), [X[:, :, :1], ints(2)], ov.squeeze, label="of several samples"),
    Case(Unsqueeze(), [X, ints(0, -1)], ov.unsqueeze),
    Case(Unsqueeze(), [ROW, scalar(1)], ov.unsqueeze),
    *(
        Case(Transpose(), [X, ints(*order)], ov.transpose, label=f"{order}")
        for order in ((0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 2, 3), ())
    ),
    *(
        Case(
            Pad(pad_mode=mode),
            [X, ints(*begin), ints(*end)],
            lambda x, b, e, mode=mode: ov.pad(x, b, e, mode),
            label=f"{mode}-{begin}",
        )
        for mode, begin, end in [
            ("constant", (0, 1, 2, 3), (1, 0, 2, 9)),
            ("edge", (0, 1, 2, 3), (1, 0, 2, 9)),
            ("reflect", (0, 2, 1, 3), (1, 0, 2, 1)),
            ("symmetric", (0, 3, 1, 3), (1, 0, 2, 1)),
        ]
    ),
    Case(
        Pad(),
        [X, ints(0, 0, 1, 1), ints(0, 0, 1, 1), np.array(-5, np.float32)],
        lambda x, b, e, v: ov.pad(x, b, e, "constant", v),
        constant_inputs=(3,),
        label="value",
    ),
    Case(Tile(), [X, ints(1, 2, 1, 3)], ov.tile),
    Case(Tile(), [ROW, ints(2, 1, 2)], ov.tile),
    Case(Tile(), [ROW, ints(3, 0)], ov.tile),
    Case(Tile(), [X, ints(2)], ov.tile),
    Case(Broadcast(), [ROW, ints(3, 10)], ov.broadcast),
    Case(Broadcast(), [X[:, :1], ints(2, 3, 4, 6)], ov.broadcast, label="axis of one"),
    Case(
        Broadcast(mode="bidirectional"),
        [X[0, :, :1], ints(2, 1, 4, 1)],
        lambda x, s: ov.broadcast(x, s, broadcast_spec="BIDIRECTIONAL"),
        label="bidirectional",
    ),
    Case(Broadcast(mode="bidirectional"), [X, ints(3, 1, 1)], OnnxNode("Expand"), label="onnx"),
    *(case for mode in ("blocks_first", "depth_first") for block in (2, 3) for case in pixels(mode, block)),
    Case(
        DepthToSpace(mode="depth_first", block_size=2),
        [floats(1, 12, 3, 4)],
        OnnxNode("DepthToSpace", {"blocksize": 2, "mode": "CRD"}),
    ),
    Case(ShapeOf(), [X], ov.shape_of),
    Case(ShapeOf(output_type=I32), [ROW], lambda x: ov.shape_of(x, "i32")),
    Case(ShapeOf(output_type=I64), [X[0, 0, 0, 0]], OnnxNode("Shape")),
]
