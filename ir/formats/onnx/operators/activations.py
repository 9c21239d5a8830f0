"""Activations: most are one layer of the same meaning; the rest bring their parameters along."""

from collections.abc import Callable

import numpy as np

from ....dtypes import FLOATS
from ....graph import Tensor
from ....ops.acos import Acos
from ....ops.acosh import Acosh
from ....ops.add import Add
from ....ops.asin import Asin
from ....ops.asinh import Asinh
from ....ops.atan import Atan
from ....ops.atanh import Atanh
from ....ops.clamp import Clamp
from ....ops.common.operator import Operator
from ....ops.cos import Cos
from ....ops.cosh import Cosh
from ....ops.divide import Divide
from ....ops.elu import Elu
from ....ops.flatten import Flatten
from ....ops.gelu import Gelu
from ....ops.greater import Greater
from ....ops.hard_sigmoid import HardSigmoid
from ....ops.hswish import HSwish
from ....ops.is_inf import IsInf
from ....ops.is_nan import IsNaN
from ....ops.leaky_relu import LeakyReLU
from ....ops.less import Less
from ....ops.log_softmax import LogSoftmax
from ....ops.maximum import Maximum
from ....ops.minimum import Minimum
from ....ops.mish import Mish
from ....ops.multiply import Multiply
from ....ops.prelu import PReLU
from ....ops.relu import ReLU
from ....ops.reshape import Reshape
from ....ops.select import Select
from ....ops.selu import Selu
from ....ops.sigmoid import Sigmoid
from ....ops.sin import Sin
from ....ops.sinh import Sinh
from ....ops.softmax import SoftMax
from ....ops.softplus import SoftPlus
from ....ops.softsign import SoftSign
from ....ops.subtract import Subtract
from ....ops.tan import Tan
from ....ops.tanh import Tanh
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

SAME: dict[str, Callable[[], Operator]] = {
    "Relu": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Softplus": SoftPlus,
    "Mish": Mish,
    "HardSwish": HSwish,
    "Softsign": SoftSign,
    "IsNaN": IsNaN,
    "Acos": Acos,
    "Acosh": Acosh,
    "Asin": Asin,
    "Asinh": Asinh,
    "Atan": Atan,
    "Atanh": Atanh,
    "Cos": Cos,
    "Cosh": Cosh,
    "Sin": Sin,
    "Sinh": Sinh,
    "Tan": Tan,
}


@reads(*SAME)
def same(node: OnnxNode) -> Tensor:
    return node.add(SAME[node.type](), node.input(0))


@reads("LeakyRelu")
def leaky_relu(node: OnnxNode) -> Tensor:
    return node.add(LeakyReLU(alpha=node.attribute("alpha", 0.01)), node.input(0))


@reads("Elu")
def elu(node: OnnxNode) -> Tensor:
    return node.add(Elu(alpha=node.attribute("alpha", 1.0)), node.input(0))


@reads("Celu")
def celu(node: OnnxNode) -> Tensor:
    """alpha * Elu(x / alpha), where Elu has an alpha of 1."""
    x = node.input(0)
    alpha = node.constant(node.attribute("alpha", 1.0), "alpha", x.dtype)
    unit = node.add(Elu(alpha=1.0), node.add(Divide(), x, alpha, suffix="scaled"), suffix="elu")
    return node.add(Multiply(), unit, alpha)


@reads("Selu")
def selu(node: OnnxNode) -> Tensor:
    """The defaults make outputs of mean 0 and variance 1 stay so (Klambauer et al., 2017)."""
    x = node.input(0)
    alpha = node.constant(node.attribute("alpha", 1.6732632423543772), "alpha", x.dtype)
    gamma = node.constant(node.attribute("gamma", 1.0507009873554805), "gamma", x.dtype)
    return node.add(Selu(), x, alpha, gamma)


@reads("ThresholdedRelu")
def thresholded_relu(node: OnnxNode) -> Tensor:
    x = node.input(0)
    limit = node.constant(node.attribute("alpha", 1.0), "alpha", x.dtype)
    above = node.add(Greater(), x, limit, suffix="above")
    return node.add(Select(), above, x, node.constant(0, "zero", x.dtype))


@reads("Shrink")
def shrink(node: OnnxNode) -> Tensor:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    x = node.input(0)
    lambd, bias = node.attribute("lambd", 0.5), node.attribute("bias", 0.0)
    low, high, shift, zero = (
        node.constant(value, name, x.dtype)
        for name, value in (("low", -lambd), ("high", lambd), ("bias", bias), ("zero", 0))
    )
    below = node.add(Less(), x, low, suffix="is_below")
    above = node.add(Greater(), x, high, suffix="is_above")
    lowered = node.add(Subtract(), x, shift, suffix="lowered")
    upper = node.add(Select(), above, lowered, zero, suffix="upper")
    return node.add(Select(), below, node.add(Add(), x, shift, suffix="raised"), upper)


@reads("IsInf")
def is_inf(node: OnnxNode) -> Tensor:
    negative, positive = (bool(node.attribute(f"detect_{side}", 1)) for side in ("negative", "positive"))
    return node.add(IsInf(detect_negative=negative, detect_positive=positive), node.input(0))


@reads("Gelu", since=20)
def gelu(node: OnnxNode) -> Tensor:
    mode = node.choice("approximate", "none", {"none": "erf", "tanh": "tanh"})
    return node.add(Gelu(approximation_mode=mode), node.input(0))


@reads("HardSigmoid")
def hard_sigmoid(node: OnnxNode) -> Tensor:
    x = node.input(0)
    alpha = node.constant(node.attribute("alpha", 0.2), "alpha", x.dtype)
    beta = node.constant(node.attribute("beta", 0.5), "beta", x.dtype)
    return node.add(HardSigmoid(), x, alpha, beta)


@reads("PRelu")
def prelu(node: OnnxNode) -> Tensor:
    """ONNX lines a vector of slopes up with the last axis, PReLU with the channels: ones in front leave no
    doubt.
    """
    x, slope = node.input(0), node.shape(1)
    missing = len(x.shape) - len(slope)
    return node.add(PReLU(), x, node.reshaped(1, (1,) * missing + slope) if missing > 0 else node.input(1))


@reads("Clip", until=10)
def clip_by_attributes(node: OnnxNode) -> Tensor:
    x = node.input(0)
    limits = np.finfo(x.dtype)
    return node.add(
        Clamp(min=node.attribute("min", float(limits.min)), max=node.attribute("max", float(limits.max))), x
    )


@reads("Clip", since=11)
def clip_by_inputs(node: OnnxNode) -> Tensor:
    """Bounds known beforehand make a Clamp; others, and those of integers, are computed with."""
    x, present = node.input(0), [i for i in (1, 2) if node.has(i)]
    if x.dtype in FLOATS and all(node.array(i) is not None for i in present):
        limits = np.finfo(x.dtype)
        low, high = (
            node.known(i).item() if i in present else float(limit)
            for i, limit in ((1, limits.min), (2, limits.max))
        )
        return node.add(Clamp(min=low, max=high), x)
    if 1 in present:
        x = node.add(Maximum(), x, node.input(1), suffix="low" if 2 in present else "")
    return node.add(Minimum(), x, node.input(2)) if 2 in present else x


@reads("Softmax", "LogSoftmax", since=13)
def softmax(node: OnnxNode) -> Tensor:
    cls = SoftMax if node.type == "Softmax" else LogSoftmax
    x = node.input(0)
    return node.add(cls(axis=node.attribute("axis", -1) % max(len(x.shape), 1)), x)


@reads("Softmax", "LogSoftmax", until=12)
def softmax_of_matrix(node: OnnxNode) -> Tensor:
    """Before opset 13 the axes from `axis` on were one: the input is read as a matrix and the sum runs over
    its rows.
    """
    cls = SoftMax if node.type == "Softmax" else LogSoftmax
    x = node.input(0)
    axis = node.attribute("axis", 1) % max(len(x.shape), 1)
    if all(d == 1 for d in x.shape[axis + 1 :]):
        return node.add(cls(axis=axis), x)
    matrix = node.add(Flatten(axis=axis), x, suffix="matrix")
    rows = node.add(cls(axis=1), matrix, suffix="rows")
    return node.add(Reshape(), rows, node.constant(x.shape, "shape"))


# ---- the other way -----------------------------------------------------------------------------------------


@writes(*(op().type for op in SAME.values()))
def write_same(node: Emitter) -> None:
    node.emit(next(name for name, op in SAME.items() if op().type == node.node.type), node.input(0))


@writes("LeakyReLU")
def write_leaky_relu(node: Emitter) -> None:
    node.emit("LeakyRelu", node.input(0), alpha=node.op.alpha)


@writes("Elu")
def write_elu(node: Emitter) -> None:
    node.emit("Elu", node.input(0), alpha=node.op.alpha)


@writes("Selu")
def write_selu(node: Emitter) -> None:
    node.emit("Selu", node.input(0), alpha=node.known(1).item(), gamma=node.known(2).item())


@writes("IsInf")
def write_is_inf(node: Emitter) -> None:
    node.emit(
        "IsInf",
        node.input(0),
        detect_negative=int(node.op.detect_negative),
        detect_positive=int(node.op.detect_positive),
    )


@writes("Gelu")
def write_gelu(node: Emitter) -> None:
    node.emit("Gelu", node.input(0), approximate="tanh" if node.op.approximation_mode == "tanh" else "none")


@writes("HardSigmoid")
def write_hard_sigmoid(node: Emitter) -> None:
    node.emit("HardSigmoid", node.input(0), alpha=node.known(1).item(), beta=node.known(2).item())


@writes("HSigmoid")
def write_hsigmoid(node: Emitter) -> None:
    """min(max(x + 3, 0), 6) / 6, step by step: HardSigmoid would multiply by a sixth, which is another
    float32.
    """
    three, zero, six = (
        node.constant(v, name, node.dtype()) for v, name in ((3, "three"), (0, "zero"), (6, "six"))
    )
    shifted = node.emit("Add", node.input(0), three, suffix="shifted")
    node.emit("Div", node.emit("Clip", shifted, zero, six, suffix="clipped"), six)


@writes("Swish")
def write_swish(node: Emitter) -> None:
    """x * sigmoid(beta * x)."""
    x = node.input(0)
    scaled = node.emit("Mul", node.input(1), x, suffix="scaled") if node.has(1) else x
    node.emit("Mul", x, node.emit("Sigmoid", scaled, suffix="sigmoid"))


@writes("PReLU")
def write_prelu(node: Emitter) -> None:
    """A vector of slopes, one a channel, is lined up with the channels by ones behind it."""
    rank = node.rank()
    if node.rank(1) == 1 and rank > 2:
        pattern = node.constant((-1, *(1,) * (rank - 2)), "pattern")
        node.emit("PRelu", node.input(0), node.emit("Reshape", node.input(1), pattern, suffix="slope"))
    else:
        node.emit("PRelu", node.input(0), node.input(1))


@writes("Clamp")
def write_clamp(node: Emitter) -> None:
    low, high = (
        node.constant(v, name, node.dtype()) for v, name in ((node.op.min, "min"), (node.op.max, "max"))
    )
    node.emit("Clip", node.input(0), low, high)


@writes("SoftMax", "LogSoftmax")
def write_softmax(node: Emitter) -> None:
    node.emit("Softmax" if node.node.type == "SoftMax" else "LogSoftmax", node.input(0), axis=node.op.axis)
