"""The file format keeps what FORMAT.md promises. What it refuses is in test_corpus.py, damage and failing disks in test_corruption.py."""

import hashlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpot.ir.dtypes import BY_NAME, FLOATS
from numpot.ir.errors import (
    ChecksumError,
    FileMissingError,
    IRError,
    LimitError,
    SaveError,
    UnknownFormatError,
    UnstorableError,
)
from numpot.ir.files import read_model, save_model
from numpot.ir.graph import Graph
from numpot.ir.ops.add import Add
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.relu import ReLU
from numpot.ir.ops.result import Result
from numpot.ir.xml_document import MAX_ATTRIBUTE_LENGTH, MAX_DEPTH, MAX_LAYERS, MAX_XML_BYTES
from numpot.ir.xmlbin import read_xmlbin, write_model

from .sample_models import MODELS, assert_same_graph, residual_block

each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def contents(xml: Path) -> tuple[bytes, bytes]:
    return xml.read_bytes(), xml.with_suffix(".bin").read_bytes()


def edit(xml: Path, old: str, new: str) -> None:
    """Change a .xml as a person would: the text, and the checksum deleted."""
    text = re.sub(r'(<numpot [^>]*) sha256="\w+"', r"\1", xml.read_text())
    assert old in text
    xml.write_text(text.replace(old, new))


# ---- what is written is what is read -------------------------------------------------------------------------------------------


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
    head, *layers, tail = re.split(r"(?s)(    <layer .*?</layer>\n)", xml.read_text())
    layers = [text for text in layers if text.strip()]
    edges = re.findall(r" *<edge .*\n", tail)
    tail = tail.replace("".join(edges), "".join(reversed(edges)))
    xml.write_text(head + "".join(reversed(layers)) + tail)
    edit(xml, "</numpot>", "</numpot>")
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


# ---- the .bin --------------------------------------------------------------------------------------------------------------------


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


# ---- reading is safe -------------------------------------------------------------------------------------------------------------

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
    assert [Path(str(what)).name for event, what in seen if event == "open"] == ["m.xml", "m.bin"]
    assert not [event for event, _ in seen if event.split(".")[0] in {"socket", "subprocess", "os", "import", "exec", "compile", "urllib"}]


def test_limits_hold_for_readers(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(Graph("m"), xml)
    edit(xml, 'name="m"', f'name="{"m" * (MAX_ATTRIBUTE_LENGTH + 1)}"')
    with pytest.raises(LimitError, match=rf"m\.xml:2: attribute 'name' has {MAX_ATTRIBUTE_LENGTH + 1} characters"):
        read_xmlbin(xml)
    write_model(Graph("m"), xml)
    edit(xml, "<layers/>", "<layers>" + '<layer id="0" name="" type="ReLU"/>' * (MAX_LAYERS + 1) + "</layers>")
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


# ---- writing is safe -------------------------------------------------------------------------------------------------------------


def test_saving_onto_the_file_that_is_mapped(tmp_path):
    xml = tmp_path / "m.xml"
    write_model(residual_block(), xml)
    graph = read_xmlbin(xml)
    graph.replace_op(graph.nodes["clamp"], Clamp(min=-1.0, max=1.0))
    graph.constant(np.arange(1000, dtype=np.float32), "more")
    write_model(graph, xml)
    assert_same_graph(read_xmlbin(xml), graph)


def test_a_bin_of_another_save_is_noticed(tmp_path):
    """What a power cut between the two renames leaves."""
    write_model(residual_block(), tmp_path / "old.xml")
    new = residual_block()
    new.replace_op(new.nodes["bias"], type(new.nodes["bias"].op)(value=np.zeros(3, np.float32)))
    write_model(new, tmp_path / "new.xml")
    (tmp_path / "new.bin").replace(tmp_path / "old.bin")
    with pytest.raises(ChecksumError, match=r"old\.bin: expected SHA-256 \w{64}, found \w{64}"):
        read_xmlbin(tmp_path / "old.xml")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_new_files_get_the_mode_of_the_umask_and_old_ones_keep_theirs(tmp_path):
    before = os.umask(0o027)
    try:
        write_model(residual_block(), tmp_path / "m.xml")
        assert [stat.S_IMODE(p.stat().st_mode) for p in sorted(tmp_path.iterdir())] == [0o640, 0o640]
        (tmp_path / "m.bin").chmod(0o600)
        write_model(residual_block(), tmp_path / "m.xml")
        assert [stat.S_IMODE(p.stat().st_mode) for p in sorted(tmp_path.iterdir())] == [0o600, 0o640]
    finally:
        os.umask(before)


def test_a_folder_that_takes_no_files_is_an_error_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("numpot.ir.xmlbin.write_weights", lambda *_: pytest.fail("work was done"))
    (tmp_path / "file").write_bytes(b"")
    for folder in ("missing", "file"):
        with pytest.raises(SaveError, match=f"folder '.*{folder}' does not take files"):
            write_model(residual_block(), tmp_path / folder / "m.xml")
    with pytest.raises(SaveError, match="found '.onnx'"):
        save_model(residual_block(), tmp_path / "m.onnx")


@pytest.mark.parametrize("blocked", ["m.xml", "m.bin"])
def test_a_folder_in_place_of_one_file_leaves_the_other_alone(blocked, tmp_path):
    for name in ("m.xml", "m.bin"):
        (tmp_path / name).write_bytes(b"precious")
    (tmp_path / blocked).unlink()
    (tmp_path / blocked).mkdir()
    with pytest.raises(SaveError, match="m.xml: cannot be written"):
        write_model(residual_block(), tmp_path / "m.xml")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.bin", "m.xml"]
    assert [p.read_bytes() for p in tmp_path.iterdir() if p.is_file()] == [b"precious"]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need no rights on POSIX only")
def test_a_symbolic_link_is_replaced_and_its_target_left_alone(tmp_path):
    (tmp_path / "target").write_bytes(b"precious")
    for name in ("m.xml", "m.bin"):
        (tmp_path / name).symlink_to(tmp_path / "target")
    write_model(residual_block(), tmp_path / "m.xml")
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert_same_graph(read_xmlbin(tmp_path / "m.xml"), residual_block())


def nested(depth: int) -> dict[str, object]:
    return {"k": nested(depth - 1)} if depth else {}


UNSTORABLE = {
    "a tuple": (Graph("m", {"a": {"b": [1, (2,)]}}), r"info\['a'\]\['b'\]\[1\] is a tuple; the format has"),
    "a NumPy float": (Graph("m", {"a": np.float64(1)}), r"info\['a'\] is a float64"),
    "a key that is no string": (Graph("m", {"a": {1: 2}}), r"info\['a'\] has the key 1"),
    "an integer of 65 bits": (Graph("m", {"a": 2**63}), r"info\['a'\] cannot be stored: 9223372036854775808"),
    "info without an end": (Graph("m", nested(MAX_DEPTH)), "is nested 65 deep"),
    "a control character": (Graph("m\x00"), "model 'm\\\\x00' cannot be stored"),
    "half a surrogate pair": (Graph("m\ud800"), "cannot be stored"),
    "a name without an end": (Graph("m" * (MAX_ATTRIBUTE_LENGTH + 1)), "attribute 'name' has"),
}


@pytest.mark.parametrize(("graph", "message"), UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_could_not_be_read_is_not_written(graph, message, tmp_path):
    with pytest.raises((UnstorableError, LimitError), match=message):
        write_model(graph, tmp_path / "m.xml")
    assert not list(tmp_path.iterdir())


def test_an_element_type_that_the_format_has_not_names_the_layer(tmp_path):
    graph = Graph("m")
    graph.constant(np.zeros(3), "double")
    with pytest.raises(UnstorableError, match=r"layer 'double' \(Constant\): element type must be one of f32, .*, found float64"):
        write_model(graph, tmp_path / "m.xml")


# ---- which format a file has -----------------------------------------------------------------------------------------------------


def test_the_content_decides_what_a_file_is(tmp_path):
    write_model(residual_block(), tmp_path / "m.xml")
    declaration, body = (tmp_path / "m.xml").read_text().split("\n", 1)
    for suffix in (".xml", ".onnx", ".txt"):
        for start in (declaration, "", "\ufeff" + declaration + "<!-- <svg> -->\n<!-- -->"):
            (tmp_path / f"m{suffix}").write_text(start + body)
            assert_same_graph(read_model(tmp_path / f"m{suffix}"), residual_block())


def test_onnx_goes_to_its_reader(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3]) for name in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:]))
    onnx.save(model, tmp_path / "m.xml")
    monkeypatch.setattr("numpot.ir.onnx.read_onnx", lambda path: ("read as ONNX", path.name))
    assert read_model(tmp_path / "m.xml") == ("read as ONNX", "m.xml")


NOT_MODELS = {
    b'<?xml version="1.0"?>\n<net name="m" version="11">\n</net>\n': "reading OpenVINO IR is not supported yet",
    b"<svg/>": "not a model that numpot knows",
    b"": "not a model that numpot knows",
    b"PK\x03\x04": "not a model that numpot knows",
    bytes(range(256)): "not a model that numpot knows",
}


@pytest.mark.parametrize(("content", "message"), NOT_MODELS.items())
def test_other_files_are_refused_with_what_is_accepted(content, message, tmp_path):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(UnknownFormatError, match=rf"m\.onnx: {message}.*numpot's \.xml .* and ONNX are read"):
        read_model(tmp_path / "m.onnx")


def test_missing_files_are_named(tmp_path):
    for path in (tmp_path / "missing.xml", tmp_path):
        for read in (read_model, read_xmlbin):
            with pytest.raises(FileMissingError, match=re.escape(f"{path}: cannot be read")):
                read(path)
    write_model(residual_block(), tmp_path / "m.xml")
    (tmp_path / "m.bin").unlink()
    with pytest.raises(FileMissingError, match=r"m\.bin: cannot be read \(No such file or directory\)"):
        read_model(tmp_path / "m.xml")


# ---- any graph, and any one mistake in its file ----------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Chains and joins of simple operators over any element type and shape."""
    names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
    graph = Graph(
        draw(names), draw(st.dictionaries(names, st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | names, max_size=3))
    )
    dtype = BY_NAME[draw(st.sampled_from(["f32", "f16", "i32", "i64"]))]
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    tensors = [graph.add(Parameter(element_type=dtype, shape=draw(st.sampled_from([shape, (-1, *shape[1:])])) if shape else ())).output]
    for _ in range(draw(st.integers(0, 6))):
        source = draw(st.sampled_from(tensors))
        match draw(st.sampled_from(["constant", "add", "relu", "clamp"] if dtype in FLOATS else ["constant", "add"])):
            case "constant":
                values = draw(st.lists(st.integers(0, 100), min_size=1, max_size=3))
                added = graph.constant(np.resize(np.array(values, dtype), shape), graph.unique_name(draw(names)))
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


several = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    text = re.sub(r'(<numpot [^>]*) sha256="\w+"', r"\1", xml.read_text())
    values = list(re.finditer(r'"([^"]*)"', text))
    lines = text.splitlines(keepends=True)
    replacements = [
        "",
        "0",
        "-1",
        "1",
        str(2**63),
        "9" * 400,
        "nan",
        "f16",
        "i64",
        "Add",
        "ReLU",
        "ConvolutionInteger",
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


# ---- the package -----------------------------------------------------------------------------------------------------------------


def test_importing_the_package_and_its_readers_waits_for_neither_numba_nor_lxml():
    code = "import sys; from numpot.ir import Graph, Interpreter, read_model, save_model; assert not {'numba', 'lxml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ImportError, match="write_modle"):
        from numpot.ir import write_modle  # noqa: F401
