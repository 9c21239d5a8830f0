"""Saving as an OpenVINO IR: any graph survives, files are replaced both or neither, and what cannot be stored
is refused by name.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from numpot.ir.errors import InfoError, SaveError, UnknownFormatError, UnstorableError
from numpot.ir.formats.model_files import check_savable, read_model, save_model
from numpot.ir.formats.native.model import read_xmlbin
from numpot.ir.formats.openvino import read_openvino, write_openvino
from numpot.ir.graph import Graph
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.result import Result

from ...sample_models import assert_same_graph, contents, residual_block
from ..native.test_any_graph import graphs


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs())
def test_any_graph_survives_its_file(tmp_path: Path, graph: Graph) -> None:
    """Layers without a name are the one thing that OpenVINO has not."""
    if "" in graph.nodes:
        graph.rename(graph.nodes[""], graph.unique_name("unnamed"))
    write_openvino(graph, tmp_path / "a.xml")
    read = read_openvino(tmp_path / "a.xml")
    assert_same_graph(read, graph)
    write_openvino(read, tmp_path / "b.xml")
    assert contents(tmp_path / "b.xml") == contents(tmp_path / "a.xml")


def test_the_format_is_the_callers_choice(tmp_path: Path) -> None:
    for name, read in (("numpot", read_xmlbin), ("openvino", read_openvino)):
        save_model(residual_block(), tmp_path / f"{name}.xml", format=name)
        assert_same_graph(read(tmp_path / f"{name}.xml"), residual_block())
    with pytest.raises(
        UnknownFormatError,
        match=r"m\.xml: format must be one of numpot, openvino.*, found 'open_vino'. Did you mean 'openvino'",
    ):
        save_model(residual_block(), tmp_path / "m.xml", format="open_vino")
    with pytest.raises(SaveError, match="a model is saved as .xml"):
        check_savable(tmp_path / "m.bin", "openvino")


def test_saving_onto_the_file_that_is_mapped(tmp_path: Path) -> None:
    xml = tmp_path / "m.xml"
    write_openvino(residual_block(), xml)
    graph = read_openvino(xml)
    graph.replace_op(graph.nodes["clamp"], Clamp(min=-1.0, max=1.0))
    graph.constant(np.arange(1000, dtype=np.float32), "more")
    write_openvino(graph, xml)
    assert_same_graph(read_openvino(xml), graph)


def test_a_failure_leaves_the_old_files(tmp_path: Path) -> None:
    xml = tmp_path / "m.xml"
    write_openvino(residual_block(), xml)
    before = contents(xml)
    for break_it in (
        lambda g: g.rename(g.nodes["relu"], "nul\0"),
        lambda g: g.info.update(array=np.zeros(3)),
    ):
        graph = residual_block()
        graph.info = dict(graph.info)
        break_it(graph)
        with pytest.raises(UnstorableError, match=r"m\.xml: .* cannot be stored: "):
            write_openvino(graph, xml)
    assert contents(xml) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.bin", "m.xml"]


def test_a_graph_that_is_saved_stays_as_it_was(tmp_path: Path) -> None:
    graph = residual_block()
    names = list(graph.nodes)
    write_openvino(graph, tmp_path / "m.xml")
    assert list(graph.nodes) == names


def test_outputs_that_read_one_tensor_or_an_input(tmp_path: Path) -> None:
    graph = residual_block()
    for tensor, name in (
        (graph.nodes["relu"].output, "a,b"),
        (graph.nodes["relu"].output, "c"),
        (graph.nodes["x"].output, "d\\"),
    ):
        graph.add(Result(), [tensor], name)
    write_openvino(graph, tmp_path / "m.xml")
    assert_same_graph(read_openvino(tmp_path / "m.xml"), graph)


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        "7",
        '{"a": 99999999999999999999}',
        '{"a": "\\ud800"}',
        "[" * 100_000,
        '{"a":' * 80 + "1" + "}" * 80,
    ],
)
def test_information_that_numpot_did_not_write_is_refused(value: str, tmp_path: Path) -> None:
    write_openvino(Graph("g"), tmp_path / "m.xml")
    text = (tmp_path / "m.xml").read_text("utf-8")
    (tmp_path / "m.xml").write_text(text.replace('value="{}"', f"value='{value}'"), "utf-8")
    with pytest.raises(
        InfoError,
        match=r"m\.xml:\d+: rt_info: the value of <numpot> must be a JSON object as numpot writes it \(",
    ):
        read_model(tmp_path / "m.xml")
