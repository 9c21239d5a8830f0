"""read_model knows a file by its content, and the package does not load what it does not use."""

import re
import subprocess
import sys

import pytest

from numpot.ir.errors import FileMissingError, ForbiddenDtdError, UnknownFormatError, VersionError
from numpot.ir.formats.model_files import read_model, root_element
from numpot.ir.formats.native.model import read_xmlbin, write_model

from ..sample_models import assert_same_graph, residual_block


def test_the_content_decides_what_a_file_is(tmp_path):
    write_model(residual_block(), tmp_path / "m.xml")
    declaration, body = (tmp_path / "m.xml").read_text().split("\n", 1)
    for suffix in (".xml", ".onnx", ".txt"):
        for start in (declaration, "", "\ufeff" + declaration + "<!-- <svg> -->\n<!-- -->"):
            (tmp_path / f"m{suffix}").write_text(start + body)
            assert_same_graph(read_model(tmp_path / f"m{suffix}"), residual_block())


def test_an_onnx_model_is_known_by_its_content(tmp_path):
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets), str(tmp_path / "m.xml"), format="protobuf")
    assert [node.type for node in read_model(tmp_path / "m.xml")] == ["Parameter", "ReLU", "Result"]


def test_an_openvino_ir_is_known_by_its_content(tmp_path):
    """Without the package openvino; the reader then finds what is wrong with it."""
    for head in (b'<?xml version="1.0"?>\n<!-- made by hand -->', b""):
        (tmp_path / "m.onnx").write_bytes(head + b'<net name="m" version="7"></net>')
        with pytest.raises(VersionError, match=r"m\.onnx:\d: OpenVINO IR version '7' cannot be read"):
            read_model(tmp_path / "m.onnx")
    (tmp_path / "m.xml").write_bytes(b"<!DOCTYPE net><net/>")
    with pytest.raises(ForbiddenDtdError):
        read_model(tmp_path / "m.xml")


NOT_MODELS = {
    b"<svg/>": "not a model that numpot knows",
    b"": "not a model that numpot knows",
    b"PK\x03\x04": "not a model that numpot knows",
    bytes(range(256)): "not a model that numpot knows",
}


@pytest.mark.parametrize(("content", "message"), NOT_MODELS.items())
def test_other_files_are_refused_with_what_is_accepted(content, message, tmp_path):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(
        UnknownFormatError, match=rf"m\.onnx: {message}.*numpot's \.xml and OpenVINO IR .* and ONNX are read"
    ):
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


@pytest.mark.parametrize(
    "start",
    [
        b"<!---->" * 9000 + b"<1",
        b"<!--" * 16000,
        b"<?xml " + b"?>" * 30000,
        b" " * 65000,
        b"<!---->" * 40 + b"<1",
    ],
)
def test_the_root_element_is_looked_for_once(start):
    """In a time that is linear in the length: an expression that goes back doubled its time with every
    comment.
    """
    assert root_element(start) is None


def test_importing_the_package_and_its_readers_waits_for_neither_numba_nor_lxml():
    code = (
        "import sys; from numpot.ir import Graph, Interpreter, read_model, save_model; assert not "
        "{'numba', 'lxml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ImportError, match="write_modle"):
        from numpot.ir import write_modle  # noqa: F401
