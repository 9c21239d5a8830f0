"""Simplify, part 2: functions that an exporter wrote out in elementary layers, recognised and made one layer
again.

Each pattern looks at the last layer of the formula and walks up. The layers in between stay for whoever else
reads them, else they are dead.
"""

import math
from collections.abc import Iterator
from itertools import chain, product
from typing import NamedTuple

from ..graph import Graph, Node, Tensor
from ..ops.clamp import Clamp
from ..ops.common.operator import Operator
from ..ops.gelu import Gelu
from ..ops.hsigmoid import HSigmoid
from ..ops.hswish import HSwish
from ..ops.mish import Mish
from ..ops.mvn import MVN
from ..ops.reduce_mean import ReduceMean
from ..ops.swish import Swish
from .edits import take_place


def recognize_patterns(graph: Graph) -> list[str]:
    """Replace every recognised formula by its one layer, under the name of the formula's last."""
    done = []
    for node in graph.topological_order():
        if match := gated(node) or hard_sigmoid(node) or normalized(node):
            op, inputs = match
            done.append(f"{node.name!r} and what it is computed from recognised as {op.type}")
            take_place(graph, node, graph.add(op, inputs))
    return done


# ---- x * gate(x) -------------------------------------------------------------------------------------------


class Gate(NamedTuple):
    """`op(x)` is `x * factor * gate`."""

    op: Operator
    x: Tensor
    factor: float


def gated(node: Node) -> tuple[Operator, list[Tensor]] | None:
    """Swish, Mish, HSwish or Gelu, written as a product of x, a gate that x controls, and perhaps a number,
    in any order.
    """
    if node.type not in ("Multiply", "Divide"):
        return None
    for whole, c in scalings(node.output):
        if whole.producer.type == "Multiply":
            a, b = whole.producer.inputs
            for (x, c_x), (g, c_g) in chain(
                product(scalings(a), scalings(b)), product(scalings(b), scalings(a))
            ):
                gate = as_gate(g)
                if (
                    gate is not None
                    and gate.x is x
                    and math.isclose(c * c_x * c_g, gate.factor, rel_tol=1e-5)
                ):
                    return gate.op, [x]
    return None


def as_gate(tensor: Tensor) -> Gate | None:
    """The function of which a tensor is the gate."""
    node = tensor.producer
    match node.type:
        case "Sigmoid":
            return Gate(Swish(), node.inputs[0], 1)
        case "HSigmoid":
            return Gate(HSwish(), node.inputs[0], 1)
        case "HardSigmoid" if is_number(node.inputs[1], 1 / 6) and is_number(node.inputs[2], 0.5):
            return Gate(HSwish(), node.inputs[0], 1)
        case "Tanh" if node.inputs[0].producer.type == "SoftPlus":
            return Gate(Mish(), node.inputs[0].producer.inputs[0], 1)
        case "Clamp" if (x := relu6_of_plus_3(tensor)) is not None:
            return Gate(HSwish(), x, 1 / 6)
        case "Add" if (
            erf := plus(tensor, 1)
        ) is not None and erf.producer.type == "Erf":  # (1 + erf(x / sqrt(2))) / 2
            for x, c in scalings(erf.producer.inputs[0]):
                if math.isclose(c, math.sqrt(0.5), rel_tol=1e-5):
                    return Gate(Gelu(), x, 0.5)
    return None


def hard_sigmoid(node: Node) -> tuple[Operator, list[Tensor]] | None:
    """HSigmoid: min(max(x + 3, 0), 6) / 6."""
    if node.type not in ("Multiply", "Divide"):
        return None
    for tensor, c in scalings(node.output):
        x = relu6_of_plus_3(tensor)
        if x is not None and math.isclose(c, 1 / 6, rel_tol=1e-5):
            return HSigmoid(), [x]
    return None


def relu6_of_plus_3(tensor: Tensor) -> Tensor | None:
    """x, if the tensor is min(max(x + 3, 0), 6)."""
    node = tensor.producer
    return plus(node.inputs[0], 3) if node.op == Clamp(min=0, max=6) else None


def scalings(tensor: Tensor) -> Iterator[tuple[Tensor, float]]:
    """All (t, c) for which the tensor is written as t * c: itself with c = 1, then what it is a
    multiple of.
    """
    factor = 1.0
    yield tensor, factor
    while (node := tensor.producer).type in ("Multiply", "Divide"):
        a, b = node.inputs
        if number(b) is None and node.type == "Multiply":
            a, b = b, a
        c = number(b)
        if not c:
            return
        tensor, factor = a, factor * (c if node.type == "Multiply" else 1 / c)
        yield tensor, factor


def plus(tensor: Tensor, term: float) -> Tensor | None:
    """x, if the tensor is x + term."""
    if tensor.producer.type != "Add":
        return None
    a, b = tensor.producer.inputs
    return a if is_number(b, term) else b if is_number(a, term) else None


def number(tensor: Tensor) -> float | None:
    """The number a Constant of one element holds."""
    return (
        float(tensor.constant.item()) if tensor.constant is not None and tensor.constant.size == 1 else None
    )


def is_number(tensor: Tensor, expected: float) -> bool:
    found = number(tensor)
    return found is not None and math.isclose(found, expected, rel_tol=1e-5)


# ---- (x - mean) / deviation --------------------------------------------------------------------------------


def normalized(node: Node) -> tuple[Operator, list[Tensor]] | None:
    """MVN: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps), which is how LayerNormalization was exported
    before opset 17.
    """
    if node.type != "Divide" or node.inputs[1].producer.type != "Sqrt":
        return None
    centered, deviation = centered_around_mean(node.inputs[0]), node.inputs[1].producer
    total = deviation.inputs[0].producer
    if centered is None or total.type != "Add":
        return None
    x, axes = centered
    for variance, eps in (total.inputs, reversed(total.inputs)):
        epsilon, mean = number(eps), variance.producer
        if epsilon is None or mean.type != "ReduceMean" or not same_constant(mean.inputs[1], axes):
            continue
        again = centered_around_mean(squared(mean.inputs[0]))
        if again is not None and again[0] is x and same_constant(again[1], axes):
            return MVN(normalize_variance=True, eps=epsilon, eps_mode="inside_sqrt"), [x, axes]
    return None


def centered_around_mean(tensor: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """(x, axes), if the tensor is x minus its mean along the axes."""
    if tensor is None or tensor.producer.type != "Subtract":
        return None
    x, mean = tensor.producer.inputs
    op = mean.producer.op
    if not isinstance(op, ReduceMean) or not op.keep_dims or mean.producer.inputs[0] is not x:
        return None
    return x, mean.producer.inputs[1]


def squared(tensor: Tensor) -> Tensor | None:
    """x, if the tensor is x * x or x^2."""
    node = tensor.producer
    if node.type == "Multiply" and node.inputs[0] is node.inputs[1]:
        return node.inputs[0]
    return node.inputs[0] if node.type == "Power" and is_number(node.inputs[1], 2) else None


def same_constant(a: Tensor, b: Tensor) -> bool:
    return a.constant is not None and b.constant is not None and a.constant.tolist() == b.constant.tolist()
