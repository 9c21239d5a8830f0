"""Any graph survives its file, and any one mistake in the file is an IRError or another model."""

import re

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpot.ir.dtypes import BY_NAME, FLOATS
from numpot.ir.errors import IRError
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.graph import Graph
from numpot.ir.ops.add import Add
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result

from ...sample_models import assert_same_graph, contents, without_checksum


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Chains and joins of simple operators over any element type and shape."""
    names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
    graph = Graph(
        draw(names),
        draw(
            st.dictionaries(
                names, st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | names, max_size=3
            )
        ),
    )
    dtype = BY_NAME[draw(st.sampled_from(["f32", "f16", "i32", "i64"]))]
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    tensors = [
        graph.add(
            Parameter(
                element_type=dtype, shape=draw(st.sampled_from([shape, (-1, *shape[1:])])) if shape else ()
            )
        ).output
    ]
    for _ in range(draw(st.integers(0, 6))):
        source = draw(st.sampled_from(tensors))
        match draw(
            st.sampled_from(["constant", "add", "relu", "clamp"] if dtype in FLOATS else ["constant", "add"])
        ):
            case "constant":
                values = draw(st.lists(st.integers(0, 100), min_size=1, max_size=3))
                added = graph.constant(
                    np.resize(np.array(values, dtype), shape), graph.unique_name(draw(names))
                )
            case "relu":
                added = graph.add(ReLU(), [source], graph.unique_name(draw(names))).output
            case "clamp":
                low, high = sorted(draw(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False))))
                added = graph.add(Clamp(min=low, max=high), [source]).output
            case "add":
                constants = [t for t in tensors if t.shape == source.shape]
                added = graph.add(Add(), [source, draw(st.sampled_from(constants))]).output
        tensors.append(added)
    graph.add(Result(), [draw(st.sampled_from(tensors))])
    return graph


several = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(graphs())
def test_any_graph_survives_its_file(tmp_path, graph):
    write_model(graph, tmp_path / "a.xml")
    read = read_xmlbin(tmp_path / "a.xml")
    assert_same_graph(read, graph)
    write_model(read, tmp_path / "b.xml")
    assert contents(tmp_path / "a.xml") == contents(tmp_path / "b.xml")


@several
@given(graphs(), st.data())
def test_one_mistake_in_a_file_without_checksum_is_an_error_or_a_model(tmp_path, graph, data):
    """Whatever a person does to a number, a name, or a line, nothing but IRError comes out."""
    xml = tmp_path / "m.xml"
    write_model(graph, xml)
    text = without_checksum(xml.read_text("utf-8"))
    values = list(re.finditer(r'"([^"]*)"', text))
    lines = text.splitlines(keepends=True)
    replacements = [
        "",
        "0",
        "-1",
        str(2**63),
        "9" * 400,
        "nan",
        "f16",
        "i64",
        "Add",
        "ReLU",
        "é",
        "&#x9;",
        "3,1,2",
    ]
    match data.draw(st.sampled_from(["value", "drop", "repeat", "swap"])):
        case "value":
            found = data.draw(st.sampled_from(values))
            text = text[: found.start(1)] + data.draw(st.sampled_from(replacements)) + text[found.end(1) :]
        case "drop":
            del lines[data.draw(st.integers(0, len(lines) - 1))]
            text = "".join(lines)
        case "repeat":
            at = data.draw(st.integers(0, len(lines) - 1))
            text = "".join([*lines[:at], lines[at], *lines[at:]])
        case "swap":
            a, b = data.draw(st.tuples(*[st.integers(0, len(lines) - 1)] * 2))
            lines[a], lines[b] = lines[b], lines[a]
            text = "".join(lines)
    xml.write_text(text)
    try:
        read = read_xmlbin(xml)
    except IRError as error:
        assert str(error).startswith(str(tmp_path / "m."))
    else:
        write_model(read, tmp_path / "again.xml")
        assert_same_graph(read_xmlbin(tmp_path / "again.xml"), read)
