"""What operators say when they are used wrongly: what was expected and what was found."""

import numpy as np
import pytest

from numpot.ir.errors import GraphError
from numpot.ir.ops import Operator, OperatorError
from numpot.ir.ops.arg_max import ArgMax
from numpot.ir.ops.broadcast import Broadcast
from numpot.ir.ops.concat import Concat
from numpot.ir.ops.depth_to_space import DepthToSpace
from numpot.ir.ops.gather import Gather
from numpot.ir.ops.hard_sigmoid import HardSigmoid
from numpot.ir.ops.logical_and import LogicalAnd
from numpot.ir.ops.multiply import Multiply
from numpot.ir.ops.pad import Pad
from numpot.ir.ops.prelu import PReLU
from numpot.ir.ops.reduce_max import ReduceMax
from numpot.ir.ops.reshape import Reshape
from numpot.ir.ops.select import Select
from numpot.ir.ops.slice import Slice
from numpot.ir.ops.softmax import SoftMax
from numpot.ir.ops.space_to_depth import SpaceToDepth
from numpot.ir.ops.split import Split
from numpot.ir.ops.squeeze import Squeeze
from numpot.ir.ops.strided_slice import StridedSlice
from numpot.ir.ops.swish import Swish
from numpot.ir.ops.tile import Tile
from numpot.ir.ops.top_k import TopK
from numpot.ir.ops.transpose import Transpose
from numpot.ir.ops.unsqueeze import Unsqueeze
from numpot.ir.ops.variadic_split import VariadicSplit

from .battery import Case, build_graph

X = np.zeros((2, 3, 4, 5), np.float32)
EMPTY = X[:, :0]
FLAG = np.array(True)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


WRONG: list[tuple[Operator, list[np.ndarray], str]] = [
    (Multiply(), [X, X.astype(np.float16)], "inputs must have one element type, found f32, f16"),
    (Multiply(), [X, X[:, :2]], "shapes [2, 3, 4, 5] and [2, 2, 4, 5] do not broadcast"),
    (LogicalAnd(), [X, X], "inputs must be boolean, found f32"),
    (Select(), [X, X, X], "the condition must be boolean, found f32"),
    (Select(), [FLAG, X, i(1)], "inputs must have one element type, found f32, i64"),
    (PReLU(), [X[0, 0, 0], X], "slope of shape [2, 3, 4, 5] is larger than the input, [5]"),
    (
        HardSigmoid(),
        [X, X[0, 0, 0, :1], X[0, 0, 0, 0]],
        "alpha and beta must be scalars, found shapes [1] and []",
    ),
    (Swish(), [X, X[0, 0, 0]], "beta must be a scalar, found shape [5]"),
    (SoftMax(axis=4), [X], "axis must be within [-4, 3] for a tensor of rank 4, found 4"),
    (ReduceMax(), [X, i(1, -3)], "axes must be distinct, found [1, -3]"),
    (ReduceMax(), [X, np.float32([1])], "axes must be integers in one dimension, found f32 of shape [1]"),
    (ArgMax(axis=1), [EMPTY], "axis 1 of shape [2, 0, 4, 5] is empty and has no largest element"),
    (TopK(axis=1, mode="max", sort="value"), [X, np.array(4)], "k must be within [0, 3], found 4"),
    (TopK(axis=1, mode="max", sort="value"), [X, np.array(-1)], "k must be within [0, 3], found -1"),
    (TopK(axis=1, mode="max", sort="value"), [X, i(1, 2)], "k must be one integer, found 2"),
    (Concat(axis=1), [X, X[:1]], "shapes [2, 3, 4, 5] and [1, 3, 4, 5] must agree but for axis 1"),
    (Split(num_splits=2), [X, i(1)], "axis 1 of shape [2, 3, 4, 5] cannot be cut into 2 equal parts"),
    (Split(num_splits=0), [X, i(1)], "axis 1 of shape [2, 3, 4, 5] cannot be cut into 0 equal parts"),
    (
        Split(num_splits=2**40),
        [EMPTY, i(1)],
        "axis 1 of shape [2, 0, 4, 5] cannot be cut into 1099511627776 equal parts",
    ),
    (VariadicSplit(), [X, i(1), i(2, 2)], "lengths [2, 2] do not add up to 3"),
    (VariadicSplit(), [X, i(1), i(-1, -1)], "lengths [-1, -1] do not add up to 3"),
    (VariadicSplit(), [X, i(1), i(4, -1)], "lengths [4, -1] do not add up to 3"),
    (VariadicSplit(), [X, i(1), i(-2, 5)], "lengths [-2, 5] do not add up to 3"),
    (VariadicSplit(), [X, i(1), i()], "lengths [] do not add up to 3"),
    (
        Slice(),
        [X, i(0), i(1, 2), i(1)],
        "start, stop and step must have one value for each of the 1 axes, found [[0], [1, 2], [1]]",
    ),
    (Slice(), [X, i(0), i(1), i(0)], "step must not be zero, found [0]"),
    (
        StridedSlice(),
        [X, i(0), i(1, 2), i(1)],
        "begin, end and strides must have one length, found 1, 2 and 1",
    ),
    (Gather(), [X, X[0, 0, 0], i(0)], "indices must be integers, found f32"),
    (
        Gather(batch_dims=2),
        [X, i(0), i(3)],
        "batch_dims must be at most the axis, 3, and the rank of indices, 1, found 2",
    ),
    (
        Gather(batch_dims=1),
        [X, i(0, 1, 2), i(1)],
        "data [2, 3, 4, 5] and indices [3] must agree in 1 leading dimensions",
    ),
    (Reshape(), [X, i(7, -1)], "[2, 3, 4, 5] cannot be reshaped to [7, -1]"),
    (Reshape(), [X, i(-1, -1)], "[2, 3, 4, 5] cannot be reshaped to [-1, -1]"),
    (Reshape(special_zero=True), [X[:0], i(0, 7, -1)], "[0, 3, 4, 5] cannot be reshaped to [0, 7, -1]"),
    (Reshape(special_zero=True), [X, i(0, 0, 0, 0, 0)], "[2, 3, 4, 5] cannot be reshaped to [0, 0, 0, 0, 0]"),
    (Reshape(), [EMPTY, i(0, 2**62)], "output shape [0, 4611686018427387904] is impossibly large"),
    (Squeeze(), [X, i(1)], "axes [1] of shape [2, 3, 4, 5] must have length 1"),
    (Unsqueeze(), [X, i(5)], "axis must be within [-5, 4] for a tensor of rank 5, found 5"),
    (Transpose(), [X, i(0, 1, 1, 2)], "order must hold each axis of [2, 3, 4, 5] once, found [0, 1, 1, 2]"),
    (
        Pad(),
        [X, i(0, 0), i(0, 0)],
        "pads must be 4 numbers >= 0 for a tensor of rank 4, found [0, 0] and [0, 0]",
    ),
    (
        Pad(),
        [X, i(0, 0, 0, -1), i(0, 0, 0, 0)],
        "pads must be 4 numbers >= 0 for a tensor of rank 4, found [0, 0, 0, -1]",
    ),
    (Pad(pad_mode="reflect"), [X, i(2, 0, 0, 0), i(0, 0, 0, 0)], "reflect can pad 2 by 1 at most, found 2"),
    (
        Pad(pad_mode="symmetric"),
        [X, i(0, 0, 0, 0), i(3, 0, 0, 0)],
        "symmetric can pad 2 by 2 at most, found 3",
    ),
    (Pad(), [X, i(0, 0, 0, 0), i(0, 0, 0, 0), X[0, 0, 0]], "pad_value must be a scalar, found shape [5]"),
    (Pad(pad_mode="edge"), [EMPTY, i(0, 1, 0, 0), i(0, 0, 0, 0)], "edge can pad 0 by 0 at most, found 1"),
    (Tile(), [X, i(-1)], "repeats must not be negative, found [-1]"),
    (Tile(), [X, i(2**62)], "is impossibly large"),
    (
        Broadcast(),
        [X, i(5)],
        "[2, 3, 4, 5] does not fit into [5]; mode bidirectional would give [2, 3, 4, 5]",
    ),
    (DepthToSpace(mode="depth_first", block_size=2), [X], "3 channels cannot become blocks of 2 x 2"),
    (DepthToSpace(mode="depth_first", block_size=0), [X], "3 channels cannot become blocks of 0 x 0"),
    (DepthToSpace(mode="depth_first"), [X[0]], "the input must be (N, C, H, W), found shape [3, 4, 5]"),
    (SpaceToDepth(mode="depth_first", block_size=2), [X], "4 x 5 cannot be cut into blocks of 2 x 2"),
    (SpaceToDepth(mode="depth_first", block_size=-1), [X], "4 x 5 cannot be cut into blocks of -1 x -1"),
]


@pytest.mark.parametrize(
    ("op", "inputs", "message"), WRONG, ids=[f"{op.type}: {message}" for op, _, message in WRONG]
)
def test_message(op: Operator, inputs: list[np.ndarray], message: str) -> None:
    with pytest.raises(GraphError) as error:
        build_graph(Case(op, inputs, None))
    assert message in str(error.value)


@pytest.mark.parametrize("wrong", [3, -4])
def test_an_index_out_of_range_is_named(wrong: int) -> None:
    assert Gather().evaluate(X, i(-3, 2), i(1)).shape == (2, 2, 4, 5)
    with pytest.raises(
        OperatorError, match=rf"indices must be within \[-3, 2\], found {min(wrong, 0)} to {max(wrong, 0)}"
    ):
        Gather().evaluate(X, i(0, wrong), i(1))
