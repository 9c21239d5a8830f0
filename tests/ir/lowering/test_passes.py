"""The passes of the lowering stand in an order that matters, as lower.py says."""

import pytest

from numpot.ir.graph import Graph
from numpot.ir.lowering import lower as lowering
from numpot.ir.lowering.lower import PASSES

from ...networks import Network
from .. import int8_layers


def codes_read_as_numbers() -> Graph:
    """A float operator reads codes whose zero is not the first."""
    net = Network(int8=True)
    y = net.conv(net.quantize(net.input(-1, 8, 7, 7), 0, 3), 4)
    return net.result(net.do("Sigmoid", net.quantize(y, -1.1, 2.3)))


def lowered() -> list[list[tuple[object, ...]]]:
    graphs = [codes_read_as_numbers(), int8_layers.layers(sorted(int8_layers.KINDS), 1)]
    return [
        [
            (n.name, n.op.value.tobytes() if n.type == "Constant" else n.op, [t.name for t in n.inputs])
            for n in lowering.lower(graph, fuse_residual_adds=fuse).topological_order()
        ]
        for graph in graphs
        for fuse in (True, False)
    ]


#: The first of two passes that a small network tells apart. The others need rarer ones: a residual Add that
#: turns out not to be fusible, and a range that is not stored because of a float reader alone.
TOLD_APART = (0, 1, 3)


@pytest.mark.parametrize("place", TOLD_APART)
def test_neighbours_cannot_trade_places(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, passes = lowered(), list(PASSES)
    passes[place], passes[place + 1] = passes[place + 1], passes[place]
    monkeypatch.setattr(lowering, "PASSES", tuple(passes))
    assert lowered() != expected
