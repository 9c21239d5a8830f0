"""Weights in a file beside the model: read from the model's own folder, and from nowhere else."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from numpot.ir import read_model
from numpot.ir.formats.onnx import OnnxError, read_onnx, write_onnx, writer
from numpot.ir.interpreter import Interpreter

from ...int8_networks import network, samples
from .models import model

W = np.random.default_rng(3).standard_normal((3, 4)).astype(np.float32)


def save(folder: Path, *, data: bytes = W.tobytes(), **entries: Any) -> Path:
    """y = x @ w, with w in weights.bin as the entries say."""
    proto = onnx.ModelProto.FromString(
        model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (np.dtype(np.float32), (2, 3))}, ["y"])
    )
    tensor = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=W.shape, data_location=TensorProto.EXTERNAL
    )
    for key, value in ({"location": "weights.bin"} | entries).items():
        tensor.external_data.add(key=key, value=str(value))
    proto.graph.initializer.append(tensor)
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").write_bytes(data)
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_whole_file_and_part_of_a_file(tmp_path: Path) -> None:
    for path in (
        save(tmp_path / "a"),
        save(tmp_path / "b", data=b"head" + W.tobytes() + b"tail", offset=4, length=W.nbytes),
    ):
        np.testing.assert_array_equal(read_onnx(path).nodes["w"].output.constant, W)


def test_a_file_in_a_sub_folder(tmp_path: Path) -> None:
    path = save(tmp_path, location="data/w.bin")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(W.tobytes())
    np.testing.assert_array_equal(read_onnx(path).nodes["w"].output.constant, W)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"location": "../secret.bin"}, "expected the path of a file in the model's folder"),
        ({"location": "data/../../secret.bin"}, "expected the path of a file in the model's folder"),
        ({"location": "/etc/hostname"}, "expected the path of a file in the model's folder"),
        ({"location": ""}, "expected the path of a file in the model's folder"),
        ({"location": "none.bin"}, "there is no such file"),
        ({"location": "."}, "there is no such file"),
        ({"offset": 4}, "bytes 4 to 52 are not in the file, which has 48"),
        ({"offset": -4}, "offset must be a number of bytes in decimal digits, found '-4'"),
        ({"offset": "four"}, "offset must be a number of bytes in decimal digits, found 'four'"),
        ({"offset": "0_0"}, "offset must be a number of bytes in decimal digits, found '0_0'"),
        ({"offset": "\u0660"}, "offset must be a number of bytes in decimal digits"),
        ({"length": "9" * 30}, "length must be a number of bytes in decimal digits"),
        ({"checksum": "0" * 40}, "expected SHA-1 " + "0" * 40 + ", found "),
        ({"basepath": "/etc"}, "'basepath' is not known; expected location, offset, length, checksum"),
        ({"length": 44}, "expected 48 bytes for this type and shape, found 44"),
    ],
)
def test_what_is_not_there_or_not_contained(tmp_path: Path, entries: dict[str, Any], sentence: str) -> None:
    (tmp_path / "secret.bin").write_bytes(W.tobytes())
    with pytest.raises(OnnxError, match=r"tensor 'w'") as info:
        read_onnx(save(tmp_path / "model", **entries))
    assert sentence in str(info.value)


def test_a_checksum_is_that_of_the_whole_file(tmp_path: Path) -> None:
    data = b"head" + W.tobytes()
    path = save(tmp_path, data=data, offset=4, checksum=hashlib.sha1(data).hexdigest())
    np.testing.assert_array_equal(read_onnx(path).nodes["w"].output.constant, W)


def test_a_key_that_is_given_twice(tmp_path: Path) -> None:
    path = save(tmp_path)
    proto = onnx.load_model(path, load_external_data=False)
    proto.graph.initializer[0].external_data.add(key="location", value="other.bin")
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(OnnxError, match="a key is given twice"):
        read_onnx(path)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_are_not_followed(tmp_path: Path, link: Any) -> None:
    (tmp_path / "secret.bin").write_bytes(W.tobytes())
    path = save(tmp_path / "model", location="w.bin")
    link(tmp_path / "secret.bin", tmp_path / "model" / "w.bin")
    with pytest.raises(OnnxError, match="links"):
        read_onnx(path)


def test_bytes_have_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OnnxError, match="read the model from its path, not from bytes"):
        read_onnx(save(tmp_path).read_bytes())


def test_a_model_too_large_for_one_file_is_written_as_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BYTES", 100)
    graph, path = network("depthwise", "symmetric"), tmp_path / "large.onnx"
    write_onnx(graph, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.onnx", "large.onnx.data"]
    onnx.checker.check_model(str(path))
    x = samples("depthwise")
    expected = Interpreter(graph).run(x)["y"]
    np.testing.assert_array_equal(Interpreter(read_model(path)).run(x)["y"], expected)
    (theirs,) = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    np.testing.assert_allclose(theirs, expected, atol=0.02 * np.abs(expected).max())
