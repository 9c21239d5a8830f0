"""Operators whose inputs are indices: elements and slices gathered and scattered, running sums."""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.cum_sum import CumSum
from numpot.ir.ops.gather_elements import GatherElements
from numpot.ir.ops.gather_nd import GatherND
from numpot.ir.ops.is_inf import IsInf
from numpot.ir.ops.is_nan import IsNaN
from numpot.ir.ops.scatter_elements_update import ScatterElementsUpdate
from numpot.ir.ops.scatter_nd_update import ScatterNDUpdate
from numpot.ir.ops.selu import Selu
from numpot.ir.ops.softsign import SoftSign

from .battery import Case, OnnxNode

rng = np.random.default_rng(8)
X = rng.standard_normal((2, 3, 4)).astype(np.float32)
WHOLE = rng.integers(-9, 10, (2, 3, 4)).astype(np.int32)
SPECIAL = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)


def indices(size: int, *shape: int, negative: bool = True) -> np.ndarray:
    """For an axis of `size`; some of them twice, and some counted from the end."""
    return rng.integers(-size if negative else 0, size, shape)


def distinct(size: int, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """`count` indices of an axis of `size`, none twice: of several updates of one place no order is given."""
    return rng.permutation(size)[:count].reshape(shape)


def scatter_elements(kind: str, initial: bool) -> Any:
    return lambda x, i, u, axis: ov.scatter_elements_update(x, i, u, axis, kind, initial)


def scatter_nd(kind: str) -> Any:
    return lambda x, i, u: ov.scatter_nd_update(x, i, u, kind)


def updates(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    return rng.integers(-9, 10, shape).astype(like.dtype)


CASES = [
    *(
        Case(
            GatherElements(axis=axis),
            [x, indices(x.shape[axis], *shape)],
            lambda x, i, a=axis: ov.gather_elements(x, i, a),
        )
        for x in (X, WHOLE)
        for axis, shape in ((0, (5, 3, 4)), (1, (2, 1, 4)), (-1, (2, 3, 7)))
    ),
    Case(
        GatherElements(axis=1),
        [X, indices(3, 1, 2, 3)],
        OnnxNode("GatherElements", {"axis": 1}),
        label="fewer",
    ),
    Case(GatherElements(axis=0), [X, np.zeros((0, 3, 4), np.int64)], OnnxNode("GatherElements", {"axis": 0})),
    *(
        Case(GatherND(batch_dims=batch), [x, i], lambda x, i, b=batch: ov.gather_nd(x, i, b))
        for x in (X, WHOLE)
        for batch, i in (
            (0, indices(2, 5, 1, negative=False)),
            (0, indices(2, 5, 2, negative=False)),
            (0, indices(2, 2, 3, 3, negative=False)),
            (1, indices(3, 2, 5, 2, negative=False)),
            (1, indices(3, 2, 1, negative=False)),
        )
    ),
    Case(GatherND(), [X, indices(2, 4, 2)], OnnxNode("GatherND"), label="from the end"),
    *(
        Case(
            ScatterElementsUpdate(reduction=kind, use_init_val=initial),
            [
                x,
                distinct(4, 3, (1, 1, 3)) if kind == "none" else indices(4, 2, 3, 6),
                updates((1, 1, 3) if kind == "none" else (2, 3, 6), x),
                np.array(2),
            ],
            scatter_elements(kind, initial),
            atol=1e-5,
            label=f"{x.dtype}-{kind}-{initial}",
        )
        for x in (X, WHOLE)
        for kind in ("none", "sum", "prod", "min", "max", "mean")
        for initial in (True, False)
        if (x.dtype, kind) != (np.dtype(np.int32), "mean")
    ),
    Case(
        ScatterElementsUpdate(),
        [X, indices(2, 1, 2, 3), updates((1, 2, 3), X), np.array(0)],
        OnnxNode("ScatterElements", {"axis": 0}, order=(0, 1, 2)),
        label="onnx",
    ),
    *(
        Case(
            ScatterNDUpdate(reduction=kind),
            [x, i, updates(shape, x)],
            scatter_nd(kind),
            atol=1e-5,
            label=f"{x.dtype}-{kind}-{i.shape[-1]}",
        )
        for x in (X, WHOLE)
        for kind in ("none", "sum", "sub", "prod", "min", "max")
        for i, shape in (
            (distinct(2, 2, (2, 1)), (2, 3, 4)),
            (np.array([[0, 2], [1, 0], [0, 1]]), (3, 4)),
            (np.array([[[0, 2, 3]], [[1, 0, 0]]]), (2, 1)),
        )
    ),
    Case(
        ScatterNDUpdate(reduction="sum"),
        [X, np.array([[1], [1], [0]]), updates((3, 3, 4), X)],
        OnnxNode("ScatterND", {"reduction": "add"}),
        label="the same place twice",
    ),
    *(
        Case(
            CumSum(exclusive=exclusive, reverse=reverse),
            [x, np.array(axis)],
            lambda x, a, e=exclusive, r=reverse: ov.cum_sum(x, a, e, r),
            label=f"{x.dtype}-{axis}-{exclusive}-{reverse}",
        )
        for x in (X, WHOLE)
        for axis in (0, 1, -1)
        for exclusive in (False, True)
        for reverse in (False, True)
    ),
    Case(
        CumSum(exclusive=True), [X[:, :0], np.array(1)], OnnxNode("CumSum", {"exclusive": 1}), label="empty"
    ),
    Case(IsNaN(), [SPECIAL], ov.is_nan),
    *(
        Case(
            IsInf(detect_negative=negative, detect_positive=positive),
            [SPECIAL],
            lambda x, n=negative, p=positive: ov.is_inf(x, {"detect_negative": n, "detect_positive": p}),
            label=f"{negative}-{positive}",
        )
        for negative in (False, True)
        for positive in (False, True)
    ),
    *(
        Case(
            Selu(),
            [x, np.float32(1.6732632), np.float32(1.0507010)],
            lambda x, a, s: ov.selu(x, a, s),
            constant_inputs=(1, 2),
        )
        for x in (X, SPECIAL[3:])
    ),
    *(Case(SoftSign(), [x], ov.softsign) for x in (X, SPECIAL[3:])),
    Case(SoftSign(), [X], OnnxNode("Softsign"), label="onnx"),
]
