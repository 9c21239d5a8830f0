"""Bad files: each of tests/corpus_openvino is refused with its error, and damage of any kind ends in an error
of ours or in a model.

A case is NAME.xml with shared.bin; expected.json says which error it gives.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import FileMissingError, IRError, NumpotError
from numpot.ir.formats.openvino import load_openvino, read_openvino

from .samples import CODES, IMAGES, const, grouped, unpacked
from .vendor import op, save

CORPUS = Path(__file__).parents[3] / "corpus_openvino"
EXPECTED = json.loads((CORPUS / "expected.json").read_text("utf-8"))
FLIPS = (0x01, 0x10, 0x80)


@pytest.mark.parametrize("name", EXPECTED)
def test_bad_file(name: str, tmp_path: Path) -> None:
    shutil.copy(CORPUS / name, tmp_path)
    shutil.copy(CORPUS / "shared.bin", (tmp_path / name).with_suffix(".bin"))
    with pytest.raises(IRError) as caught:
        read_openvino(tmp_path / name)
    assert type(caught.value).__name__ == EXPECTED[name]["error"]
    assert str(caught.value) == f"{tmp_path}{os.sep}{EXPECTED[name]['message']}"


def test_every_file_has_a_case() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in CORPUS.glob("*.xml"))


def test_missing_files_are_named(tmp_path: Path) -> None:
    path = quantized(tmp_path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(FileMissingError, match=r"model\.bin: cannot be read \(No such file or directory\)"):
        read_openvino(path)
    path.unlink()
    with pytest.raises(FileMissingError, match=r"model\.xml: cannot be read"):
        read_openvino(path)


def test_nothing_but_the_two_files_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = quantized(tmp_path)
    read_openvino(path)  # the schema, which is part of the package, is read once
    opened = []
    original = os.open
    monkeypatch.setattr(os, "open", lambda path, *args: opened.append(Path(path)) or original(path, *args))
    read_openvino(path)
    assert opened == [path, path.with_suffix(".bin")]


# ---- damage ------------------------------------------------------------------------------------------------


def quantized(folder: Path) -> Path:
    """A grouped convolution of quantized images: FakeQuantize, packed weights, an axis of groups."""
    ends = [const(np.full((1, 4, 1, 1), v, np.float32)) for v in (-2, 2, -2, 2)]
    return save(
        folder,
        lambda x: grouped(op.fake_quantize(x, *ends, 256), unpacked(CODES, (2, 3, 1, 1, 1), 3)),
        IMAGES,
    )


def test_an_xml_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = quantized(tmp_path)
    for length in reversed(range(0, len(path.read_bytes().rstrip()), 5)):
        os.truncate(path, length)
        with pytest.raises(IRError):
            load_openvino(path)


def test_a_bin_that_lacks_a_byte_is_refused(tmp_path: Path) -> None:
    path = quantized(tmp_path)
    weights = path.with_suffix(".bin")
    os.truncate(weights, weights.stat().st_size - 1)
    with pytest.raises(IRError, match="lie outside the .bin"):
        load_openvino(path)


@pytest.mark.parametrize("flip", FLIPS, ids=hex)
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_changed_byte_makes_another_model_or_an_error_of_ours(
    suffix: str, flip: int, tmp_path: Path
) -> None:
    """The format has no checksum, so not every change can be noticed."""
    path = quantized(tmp_path)
    content = path.with_suffix(suffix).read_bytes()
    refused = 0
    with path.with_suffix(suffix).open("r+b", buffering=0) as damaged:
        for at in range(flip % 5, len(content), 5):
            damaged.seek(at)
            damaged.write(bytes([content[at] ^ flip]))
            try:
                load_openvino(path)
            except NumpotError:
                refused += 1
            damaged.seek(at)
            damaged.write(content[at : at + 1])
    assert (refused > 100) == (suffix == ".xml")
