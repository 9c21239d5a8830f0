"""Operators that make one number of many, and those that look for the largest."""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.dtypes import I64
from numpot.ir.ops.arg_max import ArgMax
from numpot.ir.ops.reduce_max import ReduceMax
from numpot.ir.ops.reduce_mean import ReduceMean
from numpot.ir.ops.reduce_min import ReduceMin
from numpot.ir.ops.reduce_prod import ReduceProd
from numpot.ir.ops.reduce_sum import ReduceSum
from numpot.ir.ops.top_k import TopK

from .battery import Case, OnnxNode

rng = np.random.default_rng(3)
X = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
TIES = rng.integers(0, 4, (3, 10)).astype(np.float32)
INTEGERS = rng.integers(-9, 9, (3, 4)).astype(np.int32)

REDUCTIONS = [
    (ReduceMax, ov.reduce_max, "ReduceMax"),
    (ReduceMean, ov.reduce_mean, "ReduceMean"),
    (ReduceMin, ov.reduce_min, "ReduceMin"),
    (ReduceProd, ov.reduce_prod, "ReduceProd"),
    (ReduceSum, ov.reduce_sum, "ReduceSum"),
]
AXES = [np.array(axes, np.int64) for axes in ([2, 3], [1], [-1, 0], [0, 1, 2, 3], [])]


def top_k(axis: int, mode: str, sort: str) -> object:
    return lambda x, k: ov.topk(x, k, axis, mode, sort, "i32", stable=sort != "none")


def top_k_by_index(axis: int, mode: str, _: str) -> object:
    """What the stable sort by value chooses, in the order of indices. OpenVINO's own sort by index is not
    stable on every processor, whatever the model asks for (test_top_k.py).
    """

    def build(x: Any, k: Any) -> list[Any]:
        chosen = ov.topk(x, k, axis, mode, "value", "i32", stable=True).output(1)
        indices = ov.topk(chosen, k, axis, "min", "value", "i32", stable=True).output(0)
        return [ov.gather_elements(x, indices, axis).output(0), indices]

    return build


CASES = [
    *(
        Case(
            op(keep_dims=keep),
            [X, axes],
            lambda x, a, f=function, k=keep: f(x, a, k),
            atol=1e-5,
            label=f"{axes}-{keep}",
        )
        for op, function, _ in REDUCTIONS
        for axes in AXES
        for keep in (False, True)
        if len(axes) or keep  # OpenVINO's CPU plugin cannot do no axes and drop them
    ),
    *(
        Case(op(), [INTEGERS, np.array([1])], lambda x, a, f=f: f(x, a, False), label="i32")
        for op, f, _ in REDUCTIONS
    ),
    *(
        Case(op(), [X[0], np.array(1)], lambda x, a, f=f: f(x, a, False), label="scalar axis")
        for op, f, _ in REDUCTIONS
    ),
    *(
        Case(op(keep_dims=True), [X, AXES[0]], OnnxNode(name), label="onnx", atol=1e-5)
        for op, _, name in REDUCTIONS
    ),
    *(
        Case(
            op(),
            [X.astype(np.float16), np.array([1])],
            lambda x, a, f=f: f(x, a, False),
            rtol=2e-3,
            atol=1e-3,
            label="f16",
        )
        for op, f, _ in REDUCTIONS
    ),
    *(
        Case(
            TopK(axis=axis, mode=mode, sort=sort),
            [x, np.array(k)],
            vendor(axis, mode, sort),
            label=f"{axis}-{mode}-{sort}-{k}-{name}",
        )
        for name, x in (("ties", TIES), ("4d", X))
        for axis in (-1, 0)
        for mode in ("max", "min")
        for sort in ("value", "index")
        for vendor in [top_k_by_index if (name, sort) == ("ties", "index") else top_k]
        for k in (1, 2)
    ),
    Case(TopK(axis=1, mode="max", sort="none"), [X, np.array(1)], top_k(1, "max", "none"), label="any order"),
    Case(
        TopK(axis=1, mode="max", sort="value", index_element_type=I64),
        [INTEGERS, np.array(3)],
        lambda x, k: ov.topk(x, k, 1, "max", "value", "i64", stable=True),
        label="i32",
    ),
    Case(TopK(axis=1, mode="max", sort="value"), [TIES, np.array(10)], top_k(1, "max", "value"), label="all"),
    *(
        Case(
            ArgMax(axis=axis, keep_dims=keep, select_last_index=last),
            [TIES],
            OnnxNode("ArgMax", {"axis": axis, "keepdims": int(keep), "select_last_index": int(last)}),
            label=f"{axis}-{keep}-{last}",
        )
        for axis in (1, 0, -1)
        for keep in (False, True)
        for last in (False, True)
    ),
]
