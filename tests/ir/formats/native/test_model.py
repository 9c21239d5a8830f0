"""The file format keeps what FORMAT.md promises: what is written is read, and reading is safe.

What it refuses is in test_corpus.py, damage and failing disks in test_corruption.py, saving in
test_saving.py.
"""

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import IRError, LimitError
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.formats.xml.document import MAX_ATTRIBUTE_LENGTH, MAX_LAYERS, MAX_XML_BYTES
from numpot.ir.graph import Graph

from ...sample_models import MODELS, assert_same_graph, contents, residual_block, without_checksum

each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def edit(xml: Path, old: str, new: str) -> None:
    """Change a .xml as a person would."""
    text = without_checksum(xml.read_text("utf-8"))
    assert old in text
    xml.write_text(text.replace(old, new), "utf-8")


# ---- what is written is what is read -----------------------------------------------------------------------


@each_model
def test_round_trip(make, tmp_path):
    write_model(make(), tmp_path / "a.xml")
    read = read_xmlbin(tmp_path / "a.xml")
    assert_same_graph(read, make())
    write_model(read, tmp_path / "b.xml")
    assert contents(tmp_path / "a.xml") == contents(tmp_path / "b.xml")


def test_the_same_info_gives_the_same_bytes_in_whatever_order_it_was_made(tmp_path):
    write_model(Graph("m", {"a": 1, "b": {"c": 2, "d": 3}}), tmp_path / "a.xml")
    write_model(Graph("m", {"b": {"d": 3, "c": 2}, "a": 1}), tmp_path / "b.xml")
    assert contents(tmp_path / "a.xml") == contents(tmp_path / "b.xml")


def test_layers_and_edges_may_come_in_any_order(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(residual_block(), xml)
    head, *layers, tail = re.split(
        r"(?s)(    <layer .*?</layer>\n)", without_checksum(xml.read_text("utf-8"))
    )
    layers = [text for text in layers if text.strip()]
    edges = re.findall(r" *<edge .*\n", tail)
    tail = tail.replace("".join(edges), "".join(reversed(edges)))
    xml.write_text(head + "".join(reversed(layers)) + tail, "utf-8")
    read = read_xmlbin(xml)
    assert list(read.nodes) == list(reversed(residual_block().nodes))
    read.nodes = {name: read.nodes[name] for name in residual_block().nodes}
    assert_same_graph(read, residual_block())


def test_layout_comments_and_byte_order_mark_do_not_matter(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(residual_block(), xml)
    text = xml.read_text().replace("\n", "\r\n").replace("  <layer", "\t<!-- a comment --><layer")
    xml.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert_same_graph(read_xmlbin(xml), residual_block())


# ---- the .bin ----------------------------------------------------------------------------------------------


def test_constants_are_mapped_aligned_and_read_only(tmp_path):
    graph = Graph("m")
    for i in range(3):
        graph.constant(np.arange(5, dtype=np.float32) + i, f"c{i}")
    write_model(graph, tmp_path / "m.xml")
    values = [node.op.value for node in read_xmlbin(tmp_path / "m.xml")]
    addresses = [v.__array_interface__["data"][0] for v in values]
    assert [a - addresses[0] for a in addresses] == [0, 64, 128]
    assert addresses[0] % 64 == 0
    for value in values:
        while isinstance(value.base, np.ndarray):
            value = value.base
        assert isinstance(value, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            value[...] = 0


def test_constants_with_the_same_bytes_are_stored_once(tmp_path):
    graph = Graph("m")
    for name in ("a", "b"):
        graph.constant(np.ones(1000, np.float32), name)
    write_model(graph, tmp_path / "m.xml")
    assert (tmp_path / "m.bin").stat().st_size == 4000


def test_strided_arrays_are_stored_as_little_endian_rows(tmp_path):
    graph = Graph("m")
    graph.constant(np.arange(6, dtype=np.int32).reshape(2, 3).T, "transposed")
    write_model(graph, tmp_path / "m.xml")
    assert (tmp_path / "m.bin").read_bytes() == np.array([0, 3, 1, 4, 2, 5], "<i4").tobytes()


def test_the_xml_names_the_sha256_of_the_bin(tmp_path):
    write_model(residual_block(), tmp_path / "m.xml")
    xml, bin = contents(tmp_path / "m.xml")
    assert hashlib.sha256(bin).hexdigest() in xml.decode()


# ---- reading is safe ---------------------------------------------------------------------------------------

watched: list[tuple[str, object]] | None = None


def watch(event: str, args: tuple[object, ...]) -> None:
    """An audit hook, which Python cannot take out again: it notes while `watched` is a list."""
    if watched is not None:
        watched.append((event, args[0] if args else None))


def test_reading_opens_two_files_and_does_nothing_else(tmp_path):
    global watched
    write_model(residual_block(), tmp_path / "m.xml")
    read_xmlbin(tmp_path / "m.xml")  # the schema is read once in a process
    sys.addaudithook(watch)
    watched = []
    try:
        read_xmlbin(tmp_path / "m.xml")
        seen = watched
    finally:
        watched = None
    # a number: of what is open already
    opened = [what for event, what in seen if event == "open" and not isinstance(what, int)]
    assert [Path(str(what)).name for what in opened] == ["m.xml", "m.bin"]
    assert not [
        event
        for event, _ in seen
        if event.split(".")[0] in {"socket", "subprocess", "os", "import", "exec", "compile", "urllib"}
    ]


def test_limits_hold_for_readers(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(Graph("m"), xml)
    edit(xml, 'name="m"', f'name="{"m" * (MAX_ATTRIBUTE_LENGTH + 1)}"')
    with pytest.raises(
        LimitError, match=rf"m\.xml:2: attribute 'name' has {MAX_ATTRIBUTE_LENGTH + 1} characters"
    ):
        read_xmlbin(xml)
    write_model(Graph("m"), xml)
    edit(
        xml, "<layers/>", "<layers>" + '<layer id="0" name="" type="ReLU"/>' * (MAX_LAYERS + 1) + "</layers>"
    )
    with pytest.raises(LimitError, match=f"more than {MAX_LAYERS} layers"):
        read_xmlbin(xml)
    with xml.open("wb") as file:  # sparse: takes no room on disk
        file.truncate(MAX_XML_BYTES + 1)
    with pytest.raises(LimitError, match=f"more than {MAX_XML_BYTES} bytes"):
        read_xmlbin(xml)


def test_a_line_number_that_the_parser_does_not_know_is_not_invented(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(Graph("m"), xml)
    edit(xml, "<layers/>", "<layers>" + "\n" * 70_000 + '<layer id="0" name="far" type="Nope"/></layers>')
    with pytest.raises(IRError, match=r"m\.xml: layer 'far'") as caught:
        read_xmlbin(xml)
    assert caught.value.line is None
