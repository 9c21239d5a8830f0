"""Sources of arrays: .npz, IDX, and module:Class."""

import gzip
import struct
import sys
import zipfile

import numpy as np
import pytest

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph
from numpot.ir.ops.parameter import Parameter
from numpot.quant.data.npz import NpzData
from numpot.quant.data.sources import open_data
from numpot.quant.errors import DataError

PIXELS = {"preprocessing": {"mean": [0.0], "std": [1.0 / 255]}}  # floats are then the pixels themselves


def model(*shape, name="x", info=None):
    graph = Graph("model", info)
    graph.add(Parameter(element_type=F32, shape=shape), name=name)
    return graph


def refusal(spec, graph):
    with pytest.raises(DataError) as error:
        open_data(str(spec), graph)
    return str(error.value)


def values(data, name="x"):
    return np.stack([data[i][0][name] for i in range(len(data))])


def labels(data):
    return [data[i][1] for i in range(len(data))]


# ---- .npz --------------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
Y = np.array([3, 1, 4, 1, 5])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("key", ["image", "x"])
def test_npz(tmp_path, save, order, key):
    save(tmp_path / "data.npz", **{key: np.asarray(X, order=order), "y": Y, "names": np.array(list("abcde"))})
    data = open_data(str(tmp_path / "data.npz"), model(-1, 3, name="image"))
    np.testing.assert_array_equal(values(data, "image"), X)
    assert labels(data) == Y.tolist()


def test_npz_of_savez_is_mapped_not_read(tmp_path):
    np.savez(tmp_path / "data.npz", x=X)
    sample, _ = NpzData(tmp_path / "data.npz", model(-1, 3))[0]
    assert isinstance(sample["x"], np.memmap) and not sample["x"].flags.writeable


def test_npz_array_that_the_model_does_not_need_is_not_opened(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, extra=np.array([{}], object))
    assert len(open_data(str(tmp_path / "data.npz"), model(-1, 3))) == 5


def test_npz_nan_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.zeros((20, 3), np.float32)
    x[17, 1] = np.nan
    np.savez("data.npz", x=x)
    data = open_data("data.npz", model(-1, 3))
    with pytest.raises(DataError) as error:
        data[17]
    assert str(error.value) == (
        "data.npz: sample 17 of input 'x' holds NaN. Calibration needs finite values; drop the sample "
        "or repair it."
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"a": X},
            "expected an array for each input of the model, 'image' [N, 3] (or 'x'); found 'a' [5, 3].",
        ),
        (
            {"x": X, "y": Y[:4]},
            "expected as many samples in every array, and as many labels, found 'image': 5, 'y': 4.",
        ),
        ({"x": X[:0]}, "expected at least one sample, found none."),
        ({"x": X[:, :2]}, "sample 0 of input 'image' must have shape [3], as the model has, found [2]."),
        (
            {"x": np.float32(1)},
            "cannot be read as an .npz file (array 'x' is a single value, not one per sample). Write it "
            "with numpy.savez.",
        ),
        (
            {"x": np.array([{}], object)},
            "cannot be read as an .npz file (array 'x' holds Python objects). Write it with numpy.savez.",
        ),
    ],
)
def test_npz_that_does_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    assert refusal(tmp_path / "data.npz", model(-1, 3, name="image")) == f"{tmp_path / 'data.npz'}: {message}"


def test_a_file_that_is_no_npz(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"PK but not really")
    message = (
        f"{tmp_path / 'data.npz'}: cannot be read as an .npz file (File is not a zip file). Write "
        "it with numpy.savez."
    )
    assert refusal(tmp_path / "data.npz", model(-1, 3)) == message


def test_npz_whose_header_claims_more_than_there_is(tmp_path):
    """A shape is believed only if the bytes are there: nothing is allocated for it, nothing behind the array
    is read.
    """
    np.savez(tmp_path / "honest.npz", x=X)
    with (
        zipfile.ZipFile(tmp_path / "honest.npz") as honest,
        zipfile.ZipFile(tmp_path / "data.npz", "w", zipfile.ZIP_DEFLATED) as forged,
    ):
        forged.writestr(
            "x.npy",
            honest.read("x.npy").replace(b"(5, 3)", b"(5,3000000000)").replace(b" " * 9 + b"\n", b" \n"),
        )
    assert "array 'x' of shape [5, 3000000000] needs 60000000000 bytes, found 60" in refusal(
        tmp_path / "data.npz", model(-1, 3)
    )


def test_npz_with_a_damaged_compressed_array(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32))
    raw = bytearray(path.read_bytes())
    raw[3000] ^= 0xFF
    path.write_bytes(raw)
    assert refusal(path, model(-1, 3)).startswith(f"{path}: cannot be read as an .npz file (")


# ---- IDX ---------------------------------------------------------------------------------------------------

PICTURES = np.random.default_rng(1).integers(0, 256, (4, 6, 5), np.uint8)
DIGITS = np.array([7, 2, 1, 0], np.uint8)
GRAY = model(-1, 1, 6, 5, info=PIXELS)


def write_idx(path, array):
    raw = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def write_set(folder, name, pictures=PICTURES, digits=DIGITS, suffix=""):
    write_idx(folder / f"{name}-images-idx3-ubyte{suffix}", pictures)
    if digits is not None:
        write_idx(folder / f"{name}-labels-idx1-ubyte{suffix}", digits)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx(tmp_path, suffix):
    write_set(tmp_path, "t10k", suffix=suffix)
    data = open_data(str(tmp_path), GRAY)
    np.testing.assert_allclose(values(data), PICTURES[:, None], rtol=1e-6)
    assert labels(data) == DIGITS.tolist()
    assert data.where(2) == f"{tmp_path}:t10k: sample 2"


def test_idx_sets_are_chosen_by_name(tmp_path):
    write_set(tmp_path, "train", digits=DIGITS[::-1], suffix=".gz")
    write_set(tmp_path, "t10k")
    assert labels(open_data(f"{tmp_path}:train", GRAY)) == DIGITS[::-1].tolist()
    assert labels(open_data(f"{tmp_path}:t10k", GRAY)) == DIGITS.tolist()
    assert (
        refusal(tmp_path, GRAY)
        == f"{tmp_path}: holds 2 sets of IDX files; say which: {tmp_path}:t10k or {tmp_path}:train."
    )
    assert refusal(f"{tmp_path}:test", GRAY) == (
        f"{tmp_path}: expected a file test-images-idx3-ubyte (or .gz), found these sets: t10k, train."
    )


def test_idx_without_labels(tmp_path):
    write_set(tmp_path, "train", digits=None)
    data = open_data(str(tmp_path), GRAY)
    assert labels(data) == [None] * 4
    assert data.lacks == f"{tmp_path} has no file train-labels-idx1-ubyte"


def test_idx_that_is_wrong(tmp_path):
    images, digits = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte.gz"
    write_idx(images, PICTURES)
    write_idx(digits, DIGITS[:3])
    assert refusal(tmp_path, GRAY) == f"{digits}: expected 4 labels, one per image, found 3."
    write_idx(digits, PICTURES)
    assert refusal(tmp_path, GRAY) == (
        f"{digits}: expected an IDX file of unsigned bytes with 1 dimensions, found first bytes [0, 0, 8, 3]."
    )
    write_idx(digits, DIGITS)
    digits.write_bytes(digits.read_bytes()[:-9])
    assert refusal(tmp_path, GRAY).startswith(f"{digits}: cannot be read (")
    images.write_bytes(images.read_bytes()[:-1])
    assert (
        refusal(tmp_path, GRAY)
        == f"{images}: expected 120 bytes for shape [4, 6, 5], found 119. Download it again."
    )


# ---- module:Class ------------------------------------------------------------------------------------------

PLUGIN = """
import numpy as np

class Ones:
    def __len__(self):
        return 3
    def __getitem__(self, index):
        if index == 2:
            raise KeyError("lost")
        return np.ones(3, np.float32), index

class NoLength:
    def __getitem__(self, index):
        return None

class NeedsPath:
    def __init__(self, path):
        pass

number = 3
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"plugin_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(PLUGIN)
    return name


def test_a_class_of_the_users(plugin):
    before = list(sys.path)
    data = open_data(f"{plugin}:Ones", model(-1, 3))
    assert len(data) == 3 and [data[i][1] for i in range(2)] == [0, 1]
    assert sys.path == before
    with pytest.raises(DataError) as error:
        data[2]
    assert str(error.value) == f"{plugin}:Ones: sample 2 cannot be read (KeyError: 'lost')."
    assert isinstance(error.value.__cause__, KeyError), "the traceback of the user's code must not be lost"


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        ("NoLength", "the class must be a DataLoader or have __len__ and __getitem__; __len__ is missing."),
        (
            "NeedsPath",
            "NeedsPath() without arguments failed (TypeError: NeedsPath.__init__() missing 1 required "
            "positional argument: 'path').",
        ),
        ("One", "module '{module}' has no class 'One'. Did you mean 'Ones'?"),
        ("number", "module '{module}' has no class 'number'."),
    ],
)
def test_a_class_that_cannot_be_used(plugin, cls, message):
    assert refusal(f"{plugin}:{cls}", model(-1, 3)) == f"{plugin}:{cls}: " + message.format(module=plugin)


def test_a_module_that_is_not_there():
    assert refusal("no_such_module:Data", model(-1, 3)) == (
        "no_such_module:Data: cannot import 'no_such_module' (ModuleNotFoundError: No module named "
        "'no_such_module')."
    )
