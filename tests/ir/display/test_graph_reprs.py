"""What a prompt and a notebook show of a graph, its layers and its tensors."""

from xml.etree import ElementTree

import numpy as np
import pytest

from numpot.ir.display.html_table import MOST_ROWS
from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph
from numpot.ir.ops.concat import Concat
from numpot.ir.ops.fake_quantize import FakeQuantize
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result

from ..sample_models import every_element_type, residual_block, split_in_two


def quantized() -> Graph:
    graph = Graph("q")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 3)), name="x").output
    ends = [graph.constant(np.float32(v)) for v in (0, 1, 0, 1)]
    fq = graph.add(FakeQuantize(levels=256), [x, *ends], "fq")
    graph.add(Result(), [fq.output], name="y")
    return graph


def test_a_graph_says_its_layers_and_its_ends() -> None:
    assert repr(residual_block()) == "Graph 'residual': 6 layers, x [-1,3] f32 -> y [-1,3] f32"
    assert repr(quantized()) == "Graph 'q': 3 layers, x [-1,3] f32 -> y [-1,3] f32, int8"
    assert repr(Graph("")) == "Graph '': 0 layers, no input -> no output"


def test_a_layer_says_what_it_reads_and_makes() -> None:
    nodes = residual_block().nodes
    assert repr(nodes["shift"]) == "Node 'shift' (Add): x, bias -> [-1,3] f32"
    assert (
        repr(nodes["x"]) == "Node 'x' (Parameter): [-1,3] f32"
        and repr(nodes["y"]) == "Node 'y' (Result): add -> [-1,3] f32"
    )


def test_a_layer_with_many_inputs_still_takes_one_line() -> None:
    graph = Graph("wide")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 1)), name="x").output
    node = graph.add(Concat(axis=1), [x] * 100, "all")
    assert repr(node) == "Node 'all' (Concat): x, x, x, x, and 96 more -> [-1,100] f32"


def test_a_tensor_says_its_form_and_who_made_it() -> None:
    nodes = residual_block().nodes
    assert repr(nodes["x"].output) == "Tensor 'x': [-1,3] f32, made by Parameter, read 2 times"
    assert repr(nodes["clamp"].output) == "Tensor 'clamp': [-1,3] f32, made by Clamp, read once"


@pytest.mark.parametrize("name", ["a\nb", "<b>", "\x1b[31m", "x" * 100_000, "ünï \u2028"])
def test_odd_names_neither_break_the_line_nor_fill_the_screen(name: str) -> None:
    graph = Graph(name)
    x = graph.add(Parameter(element_type=F32, shape=(-1, 3)), name=name)
    relu = graph.add(ReLU(), [x.output], name=name + "2")
    for shown in (repr(graph), repr(relu), repr(x.output)):
        assert shown.isprintable() and len(shown) < 10_000
    ElementTree.fromstring(graph._repr_html_())


@pytest.mark.parametrize("make", [residual_block, split_in_two, every_element_type, quantized])
def test_the_table_has_a_row_for_each_layer(make) -> None:
    graph = make()
    table = ElementTree.fromstring(f"<div>{graph._repr_html_()}</div>")
    rows = [[cell.text or "" for cell in row] for row in table.iter("tr")][1:]
    layers = [n for n in graph if n.type != "Constant"]
    assert [row[:2] for row in rows] == [[n.name, n.type] for n in layers][:MOST_ROWS] and rows
    assert table.findtext("table/caption") == repr(graph)
