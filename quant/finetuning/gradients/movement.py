"""Operators that only move, copy or drop elements: run on the elements' numbers, they say themselves where
each came from (docs/finetuning.md).

    moved elements:         dx_i = sum of dy_j over all j that are copies of element i       (T6)

dy is the gradient of the loss at the output, dx that at the input.
"""

from typing import Any

import numpy as np

from numpot.ir.ops.common.operator import Shape

from .registry import Call, Gradients, gradient


def to_sources(gradient: np.ndarray, numbers: np.ndarray, shape: Shape) -> np.ndarray:
    """What comes back for each element of an array of `shape`, summed where it was copied. numbers: (as
    gradient) int64, which element each is a copy of; -1 if none."""
    size = int(np.prod(shape, dtype=np.int64))
    total = np.bincount(numbers.ravel() + 1, np.ascontiguousarray(gradient).ravel(), size + 1)
    return total[1:].reshape(shape).astype(gradient.dtype)


def numbered(x: np.ndarray) -> np.ndarray:
    return np.arange(x.size).reshape(x.shape)


@gradient("StridedSlice", "Slice", "Gather", "Tile", "Broadcast", "DepthToSpace", "SpaceToDepth")
def moved(call: Call, dy: np.ndarray) -> Gradients:
    x, *others = call.inputs
    return [to_sources(dy, call.op.evaluate(numbered(x), *others), x.shape)]


@gradient("Split", "VariadicSplit")
def split(call: Call, *dys: np.ndarray) -> Gradients:
    x, axis = call.inputs[:2]
    return [np.concatenate(dys, axis=int(axis.reshape(())))]


@gradient("Pad")
def pad(call: Call, dy: np.ndarray) -> Gradients:
    """A border of a constant comes from no element."""
    x, begin, end = call.inputs[:3]
    border: list[Any] = [np.array(-1)] if call.op.pad_mode == "constant" else []
    return [to_sources(dy, call.op.evaluate(numbered(x), begin, end, *border), x.shape)]


@gradient("Concat")
def concat(call: Call, dy: np.ndarray) -> Gradients:
    ends = np.cumsum([x.shape[call.op.axis] for x in call.inputs])
    return np.split(dy, ends[:-1], axis=call.op.axis)


@gradient("Transpose")
def transpose(call: Call, dy: np.ndarray) -> Gradients:
    x, order = call.inputs
    axes = order.ravel() if order.size else np.arange(x.ndim)[::-1]
    return [dy.transpose(np.argsort(axes))]
