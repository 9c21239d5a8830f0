"""Sums, products and means of codes: float operators that read the codes themselves, with the scale behind them.

    Op(Dequantize(codes))            ->  Op(codes) [-> Subtract(zero point)] -> Multiply(scale)       Op is AvgPool, ReduceMean
    Add(Dequantize(a), Dequantize(b))->  Add(a in codes of b, b) -> Multiply(scale of b)              a is the "full" branch, see below
    Multiply(...)                    ->  Multiply(a - zero of a, b - zero of b) -> Multiply(scale of a * scale of b)

Codes are floats here: Dequantize(codes, 1, 0), or (codes, 1, 128) where a runtime keeps them signed. The scale moves on into the range of a
FakeQuantize behind it (lowering_requantize.py). In real numbers nothing changes; in float32 it decides ties.
"""

from dataclasses import replace

import numpy as np

from .graph import Graph, Node, Tensor
from .lowering_ranges import LAST_CODE, Range, source_of_codes
from .lowering_requantize import affine
from .ops.add import Add
from .ops.dequantize import Dequantize
from .ops.multiply import Multiply
from .ops.subtract import Subtract

MEANS = ("AvgPool", "ReduceMean")
ON_TWO = ("Add", "Multiply")


def lower_arithmetic(graph: Graph, node: Node, ranges: dict[Node, Range]) -> None:
    """Rewrite a node of MEANS or ON_TWO, if its inputs are codes with one scale. ranges: of every Quantize that was a FakeQuantize."""
    data = node.inputs[:1] if node.type in MEANS else node.inputs
    bounds = [_range(t, ranges) for t in data]
    if any(b is None for b in bounds):
        return
    {"Add": _add, "Multiply": _multiply}.get(node.type, _mean)(graph, node, ranges, *bounds)  # type: ignore[operator]


def _range(real: Tensor, ranges: dict[Node, Range]) -> Range | None:
    """Of Dequantize(codes), if it is one for all channels."""
    if real.producer.type != "Dequantize":
        return None
    bounds = ranges.get(source_of_codes(real.producer.inputs[0]))
    return bounds if bounds is not None and bounds.low.size == 1 else None


def _mean(graph: Graph, node: Node, ranges: dict[Node, Range], bounds: Range) -> None:
    codes = code_values(graph, node.inputs[0].producer.inputs[0], bounds, node.name)
    mean = graph.add(node.op, [codes, *node.inputs[1:]], graph.unique_name(f"{node.name}/codes")).output
    _finish(graph, node, _minus(graph, mean, bounds.zero_point, node.name), bounds.scale)


def _multiply(graph: Graph, node: Node, ranges: dict[Node, Range], a: Range, b: Range) -> None:
    factors = []
    for real, bounds in zip(node.inputs, (a, b), strict=True):
        codes = code_values(graph, real.producer.inputs[0], bounds, node.name)
        factors.append(_minus(graph, codes, np.rint(bounds.zero_point), node.name))
    product = graph.add(Multiply(), factors, graph.unique_name(f"{node.name}/codes")).output
    _finish(graph, node, product, a.scale * b.scale)


def _add(graph: Graph, node: Node, ranges: dict[Node, Range], *bounds: Range) -> None:
    full = _full_branch(node)
    (a, b), (real_a, real_b) = (bounds[full], bounds[1 - full]), (node.inputs[full], node.inputs[1 - full])
    codes_a, codes_b = real_a.producer.inputs[0], real_b.producer.inputs[0]
    if _is_only_for(codes_a, real_a) and codes_a.producer in ranges:
        ranges[codes_a.producer] = replace(a, signed=False, stored=False)
        scale, shift = codes_in_units_of(a, b)
        mapped = affine(graph, code_values(graph, codes_a, replace(a, signed=False), node.name), scale, shift, f"{node.name}/mapped")
    else:
        zero = a.zero_point + (b.zero_point * b.scale) / a.scale
        shifted = _minus(graph, code_values(graph, codes_a, a, node.name), zero, node.name)
        mapped = _times(graph, shifted, a.scale / b.scale, f"{node.name}/mapped")
    total = graph.add(Add(), [mapped, code_values(graph, codes_b, b, node.name)], graph.unique_name(f"{node.name}/total"))
    _finish(graph, node, total.output, b.scale)


def _full_branch(node: Node) -> int:
    """Which input of an Add is mapped to codes of the other: as a rule the one that nobody else reads."""
    codes = [t.producer.inputs[0] for t in node.inputs]
    fresh = [c.producer.type == "Quantize" for c in codes]
    if fresh[0] != fresh[1]:
        return fresh.index(True)
    alone = [_is_only_for(c, t) for c, t in zip(codes, node.inputs, strict=True)]
    return 1 if alone == [False, True] else 0


def _is_only_for(codes: Tensor, real: Tensor) -> bool:
    """Whether nobody but the reader of `real` reads the codes."""
    return len(codes.consumers) == 1 and len(real.consumers) == 1


def codes_in_units_of(a: Range, b: Range) -> tuple[np.ndarray, np.ndarray]:
    """(scale, shift): an unsigned code of a, times scale plus shift, is the same number in codes of b (eq. 14)."""
    ratio = a.scale / b.scale
    zero = a.zero_point + (b.zero_point * b.scale) / a.scale
    low, high = (a.first_code - zero) * ratio, (a.first_code + LAST_CODE - zero) * ratio
    return np.asarray((high - low) / LAST_CODE), np.asarray(low)


def code_values(graph: Graph, codes: Tensor, bounds: Range, name: str) -> Tensor:
    """u8 codes -> float32, as a runtime numbers them: from 0, or from -128."""
    constants = {"unit": np.ones((), np.float32), "zero_point": np.asarray(-bounds.first_code, np.uint8)}
    inputs = [graph.constant(v, graph.unique_name(f"{name}/{k}")) for k, v in constants.items()]
    return graph.add(Dequantize(), [codes, *inputs], graph.unique_name(f"{name}/code_values")).output


def _minus(graph: Graph, x: Tensor, zero: np.ndarray, name: str) -> Tensor:
    if not zero.any():
        return x
    return graph.add(Subtract(), [x, graph.constant(zero, graph.unique_name(f"{name}/zero"))], graph.unique_name(f"{name}/shifted")).output


def _times(graph: Graph, x: Tensor, scale: np.ndarray, name: str) -> Tensor:
    return graph.add(Multiply(), [x, graph.constant(np.asarray(scale), graph.unique_name(f"{name}/scale"))], graph.unique_name(name)).output


def _finish(graph: Graph, node: Node, codes: Tensor, scale: np.ndarray) -> None:
    graph.redirect(node.output, _times(graph, codes, scale, f"{node.name}/scaled"))
