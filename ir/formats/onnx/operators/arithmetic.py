"""Arithmetic, comparisons and logic, element by element."""

from collections.abc import Callable
from functools import reduce

import numpy as np

from ....dtypes import FLOATS, INTEGERS
from ....graph import Tensor
from ....ops.abs import Abs
from ....ops.add import Add
from ....ops.ceiling import Ceiling
from ....ops.common.operator import Operator
from ....ops.convert import Convert
from ....ops.divide import Divide
from ....ops.equal import Equal
from ....ops.erf import Erf
from ....ops.exp import Exp
from ....ops.floor import Floor
from ....ops.floor_mod import FloorMod
from ....ops.greater import Greater
from ....ops.greater_equal import GreaterEqual
from ....ops.less import Less
from ....ops.less_equal import LessEqual
from ....ops.log import Log
from ....ops.logical_and import LogicalAnd
from ....ops.logical_not import LogicalNot
from ....ops.logical_or import LogicalOr
from ....ops.logical_xor import LogicalXor
from ....ops.maximum import Maximum
from ....ops.minimum import Minimum
from ....ops.mod import Mod
from ....ops.multiply import Multiply
from ....ops.negative import Negative
from ....ops.power import Power
from ....ops.round import Round
from ....ops.select import Select
from ....ops.sign import Sign
from ....ops.sqrt import Sqrt
from ....ops.subtract import Subtract
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

SAME: dict[str, Callable[[], Operator]] = {
    "Abs": Abs,
    "Ceil": Ceiling,
    "Erf": Erf,
    "Exp": Exp,
    "Floor": Floor,
    "Log": Log,
    "Neg": Negative,
    "Round": Round,
    "Sign": Sign,
    "Sqrt": Sqrt,
    "Not": LogicalNot,
    "Add": Add,
    "Sub": Subtract,
    "Mul": Multiply,
    "And": LogicalAnd,
    "Or": LogicalOr,
    "Xor": LogicalXor,
    "Equal": Equal,
    "Greater": Greater,
    "GreaterOrEqual": GreaterEqual,
    "Less": Less,
    "LessOrEqual": LessEqual,
    "Where": Select,
}
FOLDS: dict[str, Callable[[], Operator]] = {"Sum": Add, "Mean": Add, "Max": Maximum, "Min": Minimum}


@reads(*SAME)
def same(node: OnnxNode) -> Tensor:
    return node.add(SAME[node.type](), *node.inputs())


@reads("Div")
def divide(node: OnnxNode) -> Tensor:
    """Integers are rounded toward zero, as in C."""
    return node.add(Divide(m_pythondiv=False), node.input(0), node.input(1))


@reads("Reciprocal")
def reciprocal(node: OnnxNode) -> Tensor:
    x = node.input(0)
    return node.add(Divide(), node.constant(1, "one", x.dtype), x)


@reads("Pow")
def power(node: OnnxNode) -> Tensor:
    """From opset 12 on the exponent may be of another type; the result has the base's."""
    base, exponent = node.input(0), node.input(1)
    if base.dtype in INTEGERS and exponent.dtype in FLOATS:
        known = node.array(1)
        if known is None or (known != np.rint(known)).any():
            raise OnnxError("a float exponent of integers must be known and whole")
    if exponent.dtype != base.dtype:
        exponent = node.add(Convert(destination_type=base.dtype), exponent, suffix="exponent")
    return node.add(Power(), base, exponent)


@reads("Mod", since=10)
def mod(node: OnnxNode) -> Tensor:
    """fmod=1: the result has the sign of the dividend, as in C; else of the divisor, as in Python."""
    op = Mod() if node.attribute("fmod", 0) else FloorMod()
    return node.add(op, node.input(0), node.input(1))


@reads(*FOLDS)
def fold(node: OnnxNode) -> Tensor:
    """Any number of inputs: taken two by two, from the left."""
    first, *others = node.inputs()
    if node.type == "Mean":
        total = reduce(lambda a, b: node.add(Add(), a, b, suffix="sum"), others, first)
        return node.add(Divide(), total, node.constant(len(node), "count", first.dtype))
    if not others or (node.type == "Max" and len(others) == 1 and _bounds_nothing(node)):
        return first
    op = FOLDS[node.type]
    *between, last = others
    so_far = reduce(lambda a, b: node.add(op(), a, b, suffix="so_far"), between, first)
    return node.add(op(), so_far, last)


def _bounds_nothing(node: OnnxNode) -> bool:
    """Is input 1 minus infinity? Our writer puts such a Max behind layers (quantization.py)."""
    bound = node.array(1)
    return bound is not None and bound.shape == () and bound.dtype in FLOATS and bool(np.isneginf(bound))


# ---- the other way -----------------------------------------------------------------------------------------


ONNX_NAMES = {op().type: name for name, op in (SAME | {"Max": Maximum, "Min": Minimum}).items()}


# these two may be part of a layer: bias_add.py, quantization.py
@writes(*(ONNX_NAMES.keys() - {"Add", "Multiply"}))
def write_same(node: Emitter) -> None:
    node.emit(ONNX_NAMES[node.node.type], *node.inputs())


@writes("NotEqual")
def write_not_equal(node: Emitter) -> None:
    node.emit("Not", node.emit("Equal", *node.inputs(), suffix="equal"))


@writes("Power")
def write_power(node: Emitter) -> None:
    node.emit("Pow", *node.inputs())


@writes("Divide")
def write_divide(node: Emitter) -> None:
    """ONNX rounds integers toward zero; (a - a mod b) / b needs no rounding, and is rounded down where mod
    has the sign of b.
    """
    a, b = node.inputs()
    if node.op.m_pythondiv and node.dtype() in INTEGERS:
        a = node.emit("Sub", a, node.emit("Mod", a, b, suffix="rest"), suffix="multiple")
    node.emit("Div", a, b)


@writes("Mod")
def write_mod(node: Emitter) -> None:
    node.emit("Mod", *node.inputs(), fmod=1)


@writes("FloorMod")
def write_floor_mod(node: Emitter) -> None:
    """ONNX has it for integers only. For floats: the C remainder, plus b where that has the other sign."""
    a, b = node.inputs()
    if node.dtype() in INTEGERS:
        node.emit("Mod", a, b)
        return
    zero = node.constant(0, "zero", node.dtype())
    rest = node.emit("Mod", a, b, suffix="rest", fmod=1)
    product = node.emit(
        "Mul",
        node.emit("Sign", rest, suffix="sign"),
        node.emit("Sign", b, suffix="sign_of_b"),
        suffix="signs",
    )
    opposite = node.emit("Less", product, zero, suffix="opposite")
    node.emit("Where", opposite, node.emit("Add", rest, b, suffix="other"), rest)
