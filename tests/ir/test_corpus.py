"""Every file of tests/corpus breaks one promise of the format, and is refused with the error of that promise.

A case is NAME.xml with NAME.bin, or with shared.bin where the constants are not the point; expected.json says which error it gives.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from numpot.ir import errors
from numpot.ir.errors import IRError
from numpot.ir.xmlbin import read_xmlbin

CORPUS = Path(__file__).parent.parent / "corpus"
EXPECTED = json.loads((CORPUS / "expected.json").read_text("utf-8"))
NOT_IN_CORPUS = {  # need a folder, a missing file, another format, or a graph: see test_xmlbin.py
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
    promises = {cls.__name__ for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, IRError)} - {"IRError"}
    assert promises - NOT_IN_CORPUS == {case["error"] for case in EXPECTED.values()}
