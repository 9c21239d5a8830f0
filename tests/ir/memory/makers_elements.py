"""Operators that work element by element, in random graphs."""

import math

import numpy as np

from numpot.ir.dtypes import F32, I32, I64

from .growing import EXACT, Made, Random, is_float, maker


@maker("Abs", "Negative", "ReLU")
def unary(g: Random, x: Made, name: str) -> list[Made]:
    return [x._replace(tensor=g.do(name, x)[0])]


@maker("Floor", "Ceiling", "Round", "Sign", jumps=True)
def steps(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], *((1.0, math.ceil(x.bound) + 1) if x.unit else ()))]


@maker("Sigmoid", "Tanh", "Erf", "Mish", "SoftPlus", "HSigmoid", "HSwish", "Gelu")
def smooth(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Asinh", "Atan", "Cos", "Sin", "SoftSign")
def gentle(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Acos", "Acosh", "Asin", "Atanh", "Cosh", "Sinh", "Tan", jumps=True)
def wild(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Selu")
def selu(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("Selu", x, np.float32(1.5), np.float32(1.1))[0], same=False)]


@maker("IsInf", "IsNaN", jumps=True)
def special(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do("Convert", g.do(name, x)[0], destination_type=F32)[0], 1.0, 1.0)]


@maker("Exp", "Log", "Sqrt", jumps=True)
def steep(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Elu", "LeakyReLU")
def with_alpha(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x, alpha=0.3)[0], same=False)]


@maker("Swish")
def swish(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("Swish", x, *([np.float32(1.5)] if g.chance(2) else []))[0], same=False)]


@maker("HardSigmoid")
def hard_sigmoid(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("HardSigmoid", x, np.float32(0.2), np.float32(0.5))[0], same=False)]


@maker("PReLU")
def prelu(g: Random, x: Made) -> list[Made]:
    shape = x.tensor.shape
    return [
        Made(
            g.do("PReLU", x, g.whole(shape[1:2] if len(shape) > 1 else (1,)))[0], x.unit, 2 * x.bound, x.same
        )
    ]


@maker("Clamp")
def clamp(g: Random, x: Made) -> list[Made]:
    low = g.number(-3, 2)
    high = low + g.number(0, 6)
    return [
        Made(
            g.do("Clamp", x, min=float(low), max=float(high))[0],
            min(x.unit, 1.0),
            max(abs(low), abs(high)),
            x.same,
        )
    ]


@maker("Convert", jumps=True)
def convert(g: Random, x: Made) -> list[Made]:
    to = F32 if not is_float(x) else g.one_of([I32, I64, np.dtype(bool)])
    y = x._replace(tensor=g.do("Convert", x, destination_type=to)[0])
    return [y if y.unit or to != F32 else y._replace(unit=1.0, bound=EXACT)]


@maker("LogicalNot", jumps=True)
def logical_not(g: Random, x: Made) -> list[Made]:
    if x.tensor.dtype != bool:
        x = Made(g.do("Less", x, np.ones((), x.tensor.dtype))[0])
    return [Made(g.do("LogicalNot", x)[0])]


def other_of(g: Random, x: Made) -> Made:
    """A second operand: another tensor, or a constant, of the same shape or one that spreads."""
    others = [y for y in g.made if y.tensor.dtype == x.tensor.dtype and y is not x]
    if others and g.chance(2):
        return g.one_of(others)
    shape = list(x.tensor.shape)
    kept = [d if d > 0 and not g.chance(2) else 1 for d in shape]
    if g.chance(3):
        kept = kept[-1:]
    if g.chance(6):
        kept = [1] * g.number(0, 2) + kept
    value = g.whole(kept)
    return Made(g.graph.constant(value.astype(x.tensor.dtype)), 1.0, 2.0)


@maker("Add", "Subtract", "Multiply", "Maximum", "Minimum")
def arithmetic(g: Random, x: Made, name: str) -> list[Made]:
    y = other_of(g, x)
    (z,) = g.do(name, *((x, y) if g.chance(2) else (y, x)))
    same = x.same and y.same
    if not (x.unit and y.unit):
        return [Made(z, same=same)]
    unit, bound = (
        (x.unit * y.unit, x.bound * y.bound)
        if name == "Multiply"
        else (min(x.unit, y.unit), x.bound + y.bound)
    )
    return [Made(z, unit, bound, same) if bound <= EXACT * unit else Made(z, same=same)]


@maker("Divide", "Mod", "FloorMod", "Power", jumps=True)
def quotients(g: Random, x: Made, name: str) -> list[Made]:
    y = other_of(g, x)
    return [Made(g.do(name, x, y)[0], same=False)] if y.same and x.tensor.dtype == F32 else []


@maker(
    "Equal",
    "NotEqual",
    "Less",
    "LessEqual",
    "Greater",
    "GreaterEqual",
    "LogicalAnd",
    "LogicalOr",
    "LogicalXor",
    jumps=True,
)
def comparison(g: Random, x: Made, name: str) -> list[Made]:
    if name.startswith("Logical") and x.tensor.dtype != bool:
        x = Made(g.do("Greater", x, np.zeros((), x.tensor.dtype))[0])
    y = other_of(g, x)
    return [Made(g.do(name, x, y)[0])] if y.same else []


@maker("Select")
def select(g: Random, x: Made) -> list[Made]:
    conditions = [c for c in g.made if c.tensor.dtype == bool]
    if not conditions:
        (c,) = (
            g.do("Greater", x, np.zeros((), x.tensor.dtype))
            if x.same
            else g.do("LogicalNot", np.array([True]))
        )
        conditions = [Made(c)]
    y = other_of(g, x)
    unit = min(x.unit, y.unit)
    return [
        Made(g.do("Select", g.one_of(conditions), x, y)[0], unit, max(x.bound, y.bound), x.same and y.same)
    ]
