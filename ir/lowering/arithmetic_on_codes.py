"""Sums, products and means of codes: float operators that read the codes themselves, with the scale behind
them (docs/arithmetic.md).

    mean(s (q - z)) = s (mean(q) - z),   s_a (q_a - z_a) * s_b q_b = ((q_a - z_a) s_a s_b) * q_b          (17)

    z = z_a + z_b s_b / s_a,   low = (f_a - z) s_a / s_b,   high = (f_a + 255 - z) s_a / s_b
    r = (high - low) / 255                                                                                (14)

q are codes with scale s and zero point z. (14) brings codes of a to those of b, q_a r + low: f_a is a's first
code, 0, or -128 if they are signed.

    Op(Dequantize(codes))              ->  Op(codes) [-> Subtract(zero point)] -> Multiply(scale)
    Add(Dequantize(a), Dequantize(b))  ->  Add(a in codes of b, b) -> Multiply(scale of b)
    Multiply(...)                      ->  Multiply(a times both scales, codes of b)
    any other float operator           ->  reads code * scale + shift, rounded once

Op is AvgPool or ReduceMean; a of the Add is the "full" branch, see below; the last line holds where real zero
is no code (read_exactly).

Codes are floats here: Dequantize(codes, 1, 0), or (codes, 1, 128) where a runtime keeps them signed. The
scale moves on into the range of a FakeQuantize behind it (requantize.py). In real numbers nothing changes; in
float32 it decides ties.
"""

from dataclasses import replace

import numpy as np

from ..graph import Graph, Node, Tensor
from ..ops.add import Add
from ..ops.avg_pool import AvgPool
from ..ops.clamp import Clamp
from ..ops.dequantize import Dequantize
from ..ops.multiply import Multiply
from ..ops.subtract import Subtract
from ..ops.sum_pool import SumPool
from .code_ranges import LAST_CODE, Range, source_of_codes
from .requantize import affine, one_if_equal

MEANS = ("AvgPool", "ReduceMean")
ON_TWO = ("Add", "Multiply")


def lower_arithmetic(graph: Graph, node: Node, ranges: dict[Node, Range]) -> None:
    """Rewrite a node of MEANS or ON_TWO, if its inputs are codes with one scale. ranges: of every Quantize
    that was a FakeQuantize.
    """
    data = node.inputs[:1] if node.type in MEANS else node.inputs
    bounds = [_range(t, ranges) for t in data]
    if any(b is None for b in bounds):
        return
    {"Add": _add, "Multiply": _multiply}.get(node.type, _mean)(graph, node, ranges, *bounds)  # type: ignore[operator]


def _range(real: Tensor, ranges: dict[Node, Range]) -> Range | None:
    """Return the range of Dequantize(codes), if all channels have the same one."""
    if real.producer.type != "Dequantize":
        return None
    bounds = ranges.get(source_of_codes(real.producer.inputs[0]))
    return bounds if bounds is not None and bounds.low.size == 1 else None


def _mean(graph: Graph, node: Node, ranges: dict[Node, Range], bounds: Range) -> None:
    codes = code_values(graph, node.inputs[0].producer.inputs[0], bounds, node.name)
    mean = _mean_of_windows(graph, node.op, codes, node.name) if isinstance(node.op, AvgPool) else None
    if mean is None:
        mean = graph.add(node.op, [codes, *node.inputs[1:]], graph.unique_name(f"{node.name}/codes")).output
    _finish(graph, node, _minus(graph, mean, bounds.zero_point, node.name), bounds.scale)


def _mean_of_windows(graph: Graph, op: AvgPool, codes: Tensor, name: str) -> Tensor | None:
    """The sum of each window times 1 / its number of positions; None if the image may have any size."""
    size = codes.shape[2:]
    if -1 in size:
        return None
    inverse = np.float32(1) / op.divisor(size)
    pool = SumPool(
        kernel=op.kernel,
        strides=op.strides,
        pads_begin=op.pads_begin,
        pads_end=op.pads_end,
        rounding_type=op.rounding_type,
    )
    total = graph.add(pool, [codes], graph.unique_name(f"{name}/sum")).output
    return _times(graph, total, one_if_equal(inverse), f"{name}/mean")


def _multiply(graph: Graph, node: Node, ranges: dict[Node, Range], a: Range, b: Range) -> None:
    """The scales of both go to the branch on input 0; unless the other has a zero point, then they are real
    numbers.
    """
    real_a, real_b = node.inputs
    if b.zero_point != 0:
        factors = [
            _numbers(graph, node, real, bounds, bounds.zero_point, bounds.scale, ranges)
            for real, bounds in ((real_a, a), (real_b, b))
        ]
    else:
        first = _numbers(graph, node, real_a, a, a.zero_point, a.scale * b.scale, ranges)
        factors = [first, code_values(graph, real_b.producer.inputs[0], b, node.name)]
    graph.redirect(
        node.output, graph.add(Multiply(), factors, graph.unique_name(f"{node.name}/product")).output
    )


def read_exactly(graph: Graph, dequantize: Node, ranges: dict[Node, Range]) -> None:
    """Give float operators what a runtime gives them for codes whose zero is not the first: the zero point
    with its fraction.
    """
    bounds = _range(dequantize.output, ranges)
    scale = dequantize.inputs[1].constant
    # scale 1: code values
    if bounds is None or bounds.zero_point == 0 or bounds.symmetric or scale is None or scale == 1:
        return
    real = dequantize.output
    graph.redirect(real, _numbers(graph, dequantize, real, bounds, bounds.zero_point, bounds.scale, ranges))


def _add(graph: Graph, node: Node, ranges: dict[Node, Range], *bounds: Range) -> None:
    full = _full_branch(node)
    (a, b), (real_a, real_b) = (bounds[full], bounds[1 - full]), (node.inputs[full], node.inputs[1 - full])
    mapped = _numbers(graph, node, real_a, a, *_zero_and_ratio(a, b), ranges)
    total = graph.add(
        Add(),
        [mapped, code_values(graph, real_b.producer.inputs[0], b, node.name)],
        graph.unique_name(f"{node.name}/total"),
    )
    _finish(graph, node, total.output, b.scale)


def _numbers(
    graph: Graph,
    node: Node,
    real: Tensor,
    a: Range,
    zero: np.ndarray,
    scale: np.ndarray,
    ranges: dict[Node, Range],
) -> Tensor:
    """(codes of a - zero) * scale. Codes that nobody else reads are never stored: what quantizes them makes
    these numbers at once.
    """
    codes = real.producer.inputs[0]
    if _is_only_for(codes, real) and codes.producer in ranges:
        a = ranges[codes.producer] = replace(a, stored=False)
        unsigned = replace(a, signed=False)
        return affine(
            graph,
            code_values(graph, codes, unsigned, node.name),
            *_unsigned_map(a, zero, scale),
            f"{node.name}/mapped",
        )
    return _times(
        graph,
        _minus(graph, code_values(graph, codes, a, node.name), zero, node.name),
        scale,
        f"{node.name}/mapped",
    )


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
    """(scale, shift): an unsigned code of a, times scale plus shift, is the same number in codes of b (14):
    r and low.
    """
    return _unsigned_map(a, *_zero_and_ratio(a, b))


def _zero_and_ratio(a: Range, b: Range) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(a.zero_point + (b.zero_point * b.scale) / a.scale), np.asarray(a.scale / b.scale)


def _unsigned_map(a: Range, zero: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(scale, shift) for unsigned codes that give (code - zero) * scale for the codes of a."""
    low, high = (a.first_code - zero) * scale, (a.first_code + LAST_CODE - zero) * scale
    return np.asarray((high - low) / LAST_CODE), np.asarray(low)


def code_values(graph: Graph, codes: Tensor, bounds: Range, name: str) -> Tensor:
    """u8 codes -> float32, as a runtime numbers them: from 0, or from -128."""
    constants: dict[str, np.ndarray] = {
        "unit": np.ones((), np.float32),
        "zero_point": np.asarray(-bounds.first_code, np.uint8),
    }
    inputs = [graph.constant(v, graph.unique_name(f"{name}/{k}")) for k, v in constants.items()]
    return graph.add(Dequantize(), [codes, *inputs], graph.unique_name(f"{name}/code_values")).output


def _minus(graph: Graph, x: Tensor, zero: np.ndarray, name: str) -> Tensor:
    if not zero.any():
        return x
    return graph.add(
        Subtract(),
        [x, graph.constant(zero, graph.unique_name(f"{name}/zero"))],
        graph.unique_name(f"{name}/shifted"),
    ).output


def _times(graph: Graph, x: Tensor, scale: np.ndarray, name: str) -> Tensor:
    return graph.add(
        Multiply(),
        [x, graph.constant(np.asarray(scale), graph.unique_name(f"{name}/scale"))],
        graph.unique_name(name),
    ).output


def _finish(graph: Graph, node: Node, codes: Tensor, scale: np.ndarray) -> None:
    """Multiply by the scale: behind a ReLU or Clamp, if that is the only reader."""
    readers = [use.node for use in node.output.consumers]
    if len(readers) == 1 and isinstance(readers[0].op, Clamp):
        bounds = Clamp(min=readers[0].op.min / float(scale), max=readers[0].op.max / float(scale))
        codes = graph.add(bounds, [codes], graph.unique_name(f"{readers[0].name}/in_codes")).output
        node = readers[0]
    graph.redirect(node.output, _times(graph, codes, scale, f"{node.name}/scaled"))
