"""Random graphs of every operator, from a seed: odd channels, windows that hardly fit, first axes that come
and go, int8 and float.

Two ways to run a graph are compared, so what it computes is chosen to show faults and hide rounding. Numbers
begin as multiples of a power of two and stay so as long as possible: their sums are exact in float32, in
whatever order. Behind what rounds only those operators stand that do not jump.
"""

from typing import NamedTuple

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops import OPERATORS

from . import makers_elements, makers_shapes  # noqa: F401 - they register their makers
from .growing import MAKERS, Made, Random
from .makers_layers import fake_quantize

FAVOURITES = (
    "Convolution Convolution MatMul MatMul ConvolutionBackpropData MaxPool Reshape Add Concat "
    "FakeQuantize Clamp"
).split()
SHAPES = [(4, 9), (2, 40), (3, 6), (4, 9), (4, 9), (1, 9)]  # rank, largest dimension


class Case(NamedTuple):
    """A graph, what to feed it (twice, if it may have another batch size), and which outputs must be the same
    bits.
    """

    graph: Graph
    feeds: list[dict[str, np.ndarray]]
    exact: dict[str, bool]


def case(seed: int) -> Case:
    """One random graph and its inputs."""
    g = Random(seed)
    batches = [g.number(0, 40) if g.chance(6) else g.number(1, 5) for _ in range(g.number(1, 2))]
    dynamic = not g.chance(3)
    fixed = g.number(1, 5)
    for i in range(g.number(1, 2)):
        rank, most = g.one_of(SHAPES)
        shape = tuple(g.number(1, most) for _ in range(rank))
        if rank > 1 or g.chance(2):
            shape = (-1 if dynamic else fixed, *shape[1:])
        parameter = g.graph.add(OPERATORS["Parameter"](element_type=F32, shape=shape), name=f"x{i}")  # type: ignore[call-arg]
        g.made.append(Made(parameter.output, 0.25, 4.0))
    if g.chance(3):
        g.made += fake_quantize(g, g.one_of(g.made))
    names = list(MAKERS)
    for _ in range(g.number(1, 9)):
        g.grow(g.one_of(FAVOURITES if g.chance(2) else names))
    wanted = [x for x in g.made if not x.tensor.consumers] or g.made[-1:]
    if g.chance(3):  # and what else was made leads nowhere
        wanted = [g.one_of(wanted)]
    for i, x in enumerate(wanted):
        g.graph.add(OPERATORS["Result"](), [x.tensor], name=f"y{i}")
    feeds = [
        {p.name: numbers(g, p.output, batch) for p in g.graph.inputs}
        for batch in (batches if dynamic else batches[:1])
    ]
    return Case(g.graph, feeds, {f"y{i}": x.same for i, x in enumerate(wanted)})


def numbers(g: Random, tensor: Tensor, batch: int) -> np.ndarray:
    """Quarters up to 4 in size."""
    shape = [batch if d == -1 else d for d in tensor.shape]
    return (g.rng.integers(-16, 17, shape) / 4).astype(np.float32)
