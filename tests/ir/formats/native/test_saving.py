"""A save replaces a model or leaves it as it was; what could not be read back is not written."""

import os
import stat

import numpy as np
import pytest

from numpot.ir.errors import ChecksumError, LimitError, SaveError, UnstorableError
from numpot.ir.formats.model_files import save_model
from numpot.ir.formats.native.model import read_xmlbin, write_model
from numpot.ir.formats.xml.document import MAX_ATTRIBUTE_LENGTH, MAX_DEPTH
from numpot.ir.graph import Graph
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.constant import Constant

from ...sample_models import assert_same_graph, residual_block


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
    new.replace_op(new.nodes["bias"], Constant(value=np.zeros(3, np.float32)))
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
    monkeypatch.setattr(
        "numpot.ir.formats.xml.file_pair.write_weights", lambda *_: pytest.fail("work was done")
    )
    (tmp_path / "file").write_bytes(b"")
    for folder in ("missing", "file"):
        with pytest.raises(SaveError, match=f"folder '.*{folder}' does not take files"):
            write_model(residual_block(), tmp_path / folder / "m.xml")
    with pytest.raises(SaveError, match="found '.pb'"):
        save_model(residual_block(), tmp_path / "m.pb")


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
    with pytest.raises(
        UnstorableError,
        match=r"layer 'double' \(Constant\): element type must be one of f32, .*, found float64",
    ):
        write_model(graph, tmp_path / "m.xml")
