"""One call of every ONNX operator this package reads, in every form it had between the opsets 9 and 26.

A call runs at opset 26 and at every opset where its operator's definition changed, within `since` to `until`.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from onnx import defs, helper

from .models import model

RNG = np.random.default_rng(20)
X = RNG.normal(size=(2, 6, 5, 4)).astype(np.float32) * 2
M = RNG.normal(size=(3, 4)).astype(np.float32)
I = RNG.integers(-9, 9, (3, 4), np.int64)  # noqa: E741
P = np.abs(M) + np.float32(0.1)
MASK = M > 0
SPECIAL = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@dataclass
class Call:
    """data: the inputs of the model; constants: more inputs of the node, stored in the model (None: left
    out).
    """

    type: str
    data: tuple[np.ndarray, ...]
    constants: tuple[np.ndarray | None, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    since: int = 9
    until: int = 26
    outputs: int = 1

    def feeds(self) -> dict[str, np.ndarray]:
        return {f"x{i}": x for i, x in enumerate(self.data)}

    def model(self, opset: int, *, open_batch: bool = False) -> bytes:
        constants = {f"c{i}": c for i, c in enumerate(self.constants) if c is not None}
        names = [*self.feeds(), *(f"c{i}" if c is not None else "" for i, c in enumerate(self.constants))]
        outputs = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.type, names, outputs, name="node", **self.attributes)
        inputs = {
            n: (x.dtype, ("N", *x.shape[1:]) if open_batch else x.shape) for n, x in self.feeds().items()
        }
        return model([node], inputs, outputs, constants, opset)

    def opsets(self) -> list[int]:
        return [
            o
            for o in sorted({self.since, *definitions(self.type), self.until})
            if self.since <= o <= self.until
        ]


@cache
def definitions(operator: str) -> list[int]:
    """The opsets that changed an operator's definition."""
    history = [s for s in defs.get_all_schemas_with_history() if s.name == operator and s.domain == ""]
    return [s.since_version for s in history]


def call(
    type: str,
    *data: np.ndarray,
    constants: tuple[np.ndarray | None, ...] = (),
    since: int = 9,
    until: int = 26,
    outputs: int = 1,
    **attributes: Any,
) -> Call:
    since = max(since, min(definitions(type)))
    return Call(type, data, constants, attributes, since, until, outputs)


ACTIVATIONS = [
    *(
        call(t, X)
        for t in (
            "Relu",
            "Sigmoid",
            "Tanh",
            "Softplus",
            "Mish",
            "HardSwish",
            "LeakyRelu",
            "Elu",
            "HardSigmoid",
            "Gelu",
        )
    ),
    *(
        call(t, M / 8)
        for t in (
            "Acos",
            "Asin",
            "Asinh",
            "Atan",
            "Atanh",
            "Cos",
            "Cosh",
            "Sin",
            "Sinh",
            "Tan",
            "Softsign",
            "Selu",
            "Celu",
            "Shrink",
            "ThresholdedRelu",
        )
    ),
    call("Acosh", P + 1),
    call("Selu", M, alpha=1.5, gamma=0.5),
    call("Celu", M, alpha=0.7),
    call("Shrink", M, lambd=0.4, bias=0.3),
    call("ThresholdedRelu", M, alpha=0.2),
    call("IsNaN", SPECIAL),
    call("IsInf", SPECIAL, since=10),
    call("IsInf", SPECIAL, detect_negative=0, since=10),
    call("IsInf", SPECIAL, detect_positive=0, since=10),
    call("LeakyRelu", X, alpha=0.3),
    call("Elu", X, alpha=0.5),
    call("HardSigmoid", X, alpha=0.3, beta=0.4),
    call("Gelu", X, approximate="tanh"),
    call("Clip", X, min=-1.0, max=2.0, until=10),
    call("Clip", X, max=0.5, until=10),
    call("Clip", X, constants=(np.float32(0), np.float32(6)), since=11),
    call("Clip", X, constants=(None, np.float32(0.5)), since=11),
    call("Clip", X, constants=(np.float32(-0.5),), since=11),
    call("Clip", X, np.array(-1, np.float32), np.array(1, np.float32), since=11),
    call("Clip", I, constants=(np.int64(-3), np.int64(3)), since=12),
    call("PRelu", X, constants=(normal(6, 1, 1),)),
    call("PRelu", X, constants=(normal(4),)),
    call("PRelu", X, constants=(normal(1),)),
    call("PRelu", X, normal(5, 1)),
    *(call(t, X, axis=axis) for t in ("Softmax", "LogSoftmax") for axis in (-1, 1, 3)),
    *(call(t, X) for t in ("Softmax", "LogSoftmax")),
]

ARITHMETIC = [
    *(
        call(t, P)
        for t in ("Abs", "Ceil", "Erf", "Exp", "Floor", "Log", "Neg", "Round", "Sign", "Sqrt", "Reciprocal")
    ),
    call("Round", floats(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)),
    *(
        call(t, M, normal(4))
        for t in ("Add", "Sub", "Mul", "Div", "Greater", "Less", "GreaterOrEqual", "LessOrEqual")
    ),
    *(call(t, I, ints(3, -2, 5, 7)) for t in ("Add", "Sub", "Mul", "Div", "Equal", "Greater", "Less")),
    call("Equal", M, M.round(), since=11),
    *(call(t, MASK, M > 0.5) for t in ("And", "Or", "Xor")),
    call("Not", MASK),
    call("Where", MASK, M, normal(1)),
    call("Pow", P, floats(2, 0.5, -1, 3)),
    call("Pow", P, constants=(ints(2),), since=12),
    call("Mod", I, ints(3, -2, 5, 7)),
    call("Mod", M, floats(0.3, -2, 5, 7), fmod=1),
    *(
        call(t, *operands)
        for t in ("Sum", "Mean", "Max", "Min")
        for operands in ((M,), (M, normal(4)), (M, normal(4), normal(3, 1)))
    ),
]

WINDOWS = [
    call("Conv", X, constants=(normal(4, 6, 3, 3), normal(4)), pads=[1, 0, 2, 1], strides=[2, 1]),
    call("Conv", X, constants=(normal(6, 2, 2, 2),), group=3, dilations=[2, 1]),
    call("Conv", X, normal(4, 6, 3, 3), normal(4)),
    call("Conv", normal(2, 3, 9), constants=(normal(5, 3, 4), normal(5)), auto_pad="VALID", kernel_shape=[4]),
    *(
        call("Conv", X, constants=(normal(4, 6, 2, 3),), auto_pad=pad, strides=[2, 2])
        for pad in ("SAME_UPPER", "SAME_LOWER")
    ),
    call(
        "ConvTranspose",
        X,
        constants=(normal(6, 4, 3, 3), normal(4)),
        strides=[2, 3],
        pads=[1, 0, 0, 1],
        output_padding=[1, 2],
    ),
    call("ConvTranspose", X, constants=(normal(6, 2, 3, 2),), group=3, dilations=[2, 1], strides=[2, 2]),
    *(
        call("ConvTranspose", X, constants=(normal(6, 4, 3, 2),), auto_pad=pad, strides=[2, 2])
        for pad in ("SAME_UPPER", "SAME_LOWER")
    ),
    *(
        call("ConvTranspose", X, constants=(normal(6, 4, 3, 3),), output_shape=[o, 8], strides=[2, 2])
        for o in (10, 12)
    ),
    call("MaxPool", X, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    call("MaxPool", X, kernel_shape=[2, 2], dilations=[2, 1], since=10),
    call("MaxPool", X, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1, since=10),
    call("MaxPool", X, kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1, since=10),
    *(
        call("MaxPool", X, kernel_shape=[2, 2], strides=[2, 3], auto_pad=pad)
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    *(
        call(
            "AveragePool",
            X,
            kernel_shape=[3, 2],
            strides=[2, 2],
            pads=[1, 0, 1, 1],
            count_include_pad=include,
            ceil_mode=ceil,
            since=10,
        )
        for include in (0, 1)
        for ceil in (0, 1)
    ),
    *(
        call(
            "AveragePool",
            X,
            kernel_shape=[2, 2],
            dilations=[2, 1],
            strides=[2, 2],
            pads=[1, 0, 1, 1],
            count_include_pad=i,
            since=19,
        )
        for i in (0, 1)
    ),
    call(
        "AveragePool",
        X,
        kernel_shape=[2, 2],
        dilations=[2, 3],
        strides=[2, 2],
        pads=[1, 1, 0, 1],
        ceil_mode=1,
        since=19,
    ),
    *(
        call("AveragePool", X, kernel_shape=[2, 2], strides=[2, 3], auto_pad=pad)
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    *(call(t, x) for t in ("GlobalAveragePool", "GlobalMaxPool") for x in (X, normal(2, 3, 7))),
]

LINEAR = [
    call("MatMul", normal(2, 3, 4), normal(4, 5)),
    call("MatMul", normal(2, 1, 3, 4), normal(5, 4, 2)),
    call("MatMul", normal(4), normal(4, 5)),
    call("Gemm", M, constants=(normal(4, 5), normal(5))),
    call("Gemm", M, constants=(normal(5, 4), normal(3, 1)), transB=1, alpha=0.5, beta=2.0),
    call("Gemm", M, normal(3, 5), normal(4, 5), transA=1, alpha=0.5, beta=2.0),
    call("Gemm", M, constants=(normal(4, 5), np.float32(2))),
    call("Gemm", M, constants=(normal(4, 5), normal(5)), beta=0.0),
    call("Gemm", M, constants=(normal(4, 5),), since=11),
]

NORMALIZATION = [
    call(
        "BatchNormalization",
        X,
        constants=(normal(6), normal(6), normal(6), np.abs(normal(6)) + 1),
        epsilon=1e-3,
        momentum=0.8,
    ),
    call("BatchNormalization", normal(3, 6), normal(6), normal(6), normal(6), np.abs(normal(6)) + 1),
    call("InstanceNormalization", X, constants=(normal(6), normal(6)), epsilon=1e-3),
    call("InstanceNormalization", X, normal(6), normal(6)),
    call("GroupNormalization", X, constants=(normal(6), normal(6)), num_groups=3, since=21),
    call("GroupNormalization", X, constants=(normal(3), normal(3)), num_groups=3, since=18, until=20),
    call("LayerNormalization", X, constants=(normal(4), normal(4))),
    call("LayerNormalization", X, constants=(normal(6, 5, 4),), axis=1, epsilon=1e-3),
    call("MeanVarianceNormalization", X),
    call("MeanVarianceNormalization", X, axes=[2, 3]),
    *(call("LRN", X, size=size) for size in (1, 3, 5, 9)),
    call("LRN", X, size=3, alpha=0.5, beta=0.6, bias=2.0),
    *(call("LpNormalization", X, axis=axis, p=p) for axis, p in ((-1, 2), (1, 2), (1, 1))),
]

REDUCTIONS = [
    *(
        form
        for kind in ("Max", "Mean", "Min", "Prod", "Sum", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
        for name, changed in [("Reduce" + kind, 13 if kind == "Sum" else 18)]
        for form in (
            call(name, P),
            call(name, P, axes=[-1], keepdims=0, until=changed - 1),
            call(name, P, axes=[0], until=changed - 1),
            call(name, P, constants=(ints(1),), since=changed),
            call(name, P, constants=(ints(-2),), keepdims=0, since=changed),
        )
    ),
    *(
        call(name, P, noop_with_empty_axes=1, since=since)
        for name, since in (("ReduceSum", 13), ("ReduceMean", 18), ("ReduceMax", 18))
    ),
    *(call(t, X, axis=axis, keepdims=keep) for t in ("ArgMax", "ArgMin") for axis, keep in ((1, 1), (-1, 0))),
    *(call(t, M.round(), axis=1, select_last_index=1, since=12) for t in ("ArgMax", "ArgMin")),
]
