"""Every file of tests/corpus breaks one promise of the format, and is refused with the error of that promise.

A case is NAME.xml with NAME.bin, or with shared.bin where the constants are not the point; expected.json says
which error it gives.
"""

import json
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import errors
from numpot.ir.errors import IRError
from numpot.ir.formats.native.model import read_xmlbin, write_model

CORPUS = Path(__file__).parents[3] / "corpus"
EXPECTED = json.loads((CORPUS / "expected.json").read_text("utf-8"))
FORMAT = files("numpot.ir.formats.native").joinpath("FORMAT.md").read_text("utf-8")
PROMISES = {
    cls.__name__ for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, IRError)
} - {"IRError"}
NOT_IN_CORPUS = {  # need a folder, a missing file, another format, or a graph: see test_model.py
    "FileMissingError",
    "UnknownFormatError",
    "UnstorableError",
    "SaveError",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_bad_file(name, tmp_path):
    own_bin = (CORPUS / name).with_suffix(".bin")
    shutil.copy(CORPUS / name, tmp_path)
    shutil.copy(own_bin if own_bin.exists() else CORPUS / "shared.bin", tmp_path / own_bin.name)
    with pytest.raises(IRError) as caught:
        read_xmlbin(tmp_path / name)
    assert type(caught.value).__name__ == EXPECTED[name]["error"]
    assert str(caught.value) == f"{tmp_path}{os.sep}{EXPECTED[name]['message']}"


def test_every_file_and_every_error_has_a_case():
    assert sorted(EXPECTED) == sorted(path.name for path in CORPUS.glob("*.xml"))
    assert {case["error"] for case in EXPECTED.values()} == PROMISES - NOT_IN_CORPUS


def test_the_documentation_lists_every_promise_with_a_test_that_exists():
    rows = re.findall(r"^\| .* \| `(\w+Error)` \| `(.*)` \|$", FORMAT, re.MULTILINE)
    assert {error for error, _ in rows} == PROMISES
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    for error, test in rows:
        assert EXPECTED[test]["error"] == error if test in EXPECTED else f"def {test}(" in tests


def test_the_example_of_the_documentation_is_what_is_written(tmp_path):
    (tmp_path / "tiny.xml").write_text(re.search(r"(?s)```xml\n(.*?)```", FORMAT)[1], "utf-8")
    (tmp_path / "tiny.bin").write_bytes(np.array([1, 2, 3], "<f4").tobytes())
    graph = read_xmlbin(tmp_path / "tiny.xml")
    write_model(graph, tmp_path / "again.xml")
    assert (tmp_path / "again.xml").read_bytes() == (tmp_path / "tiny.xml").read_bytes()
