"""Folders of pictures: order, colors, scaling, labels, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph
from numpot.ir.ops.parameter import Parameter
from numpot.quant.data import images as data_images
from numpot.quant.data.sources import open_data
from numpot.quant.errors import DataError


def model(*shape):
    # floats are then the pixels themselves
    graph = Graph("model", {"preprocessing": {"mean": [0.0], "std": [1.0 / 255]}})
    graph.add(Parameter(element_type=F32, shape=shape), name="x")
    return graph


COLOR = model(-1, 3, 4, 8)


def refusal(spec, graph=COLOR):
    with pytest.raises(DataError) as error:
        open_data(str(spec), graph)
    return str(error.value)


def values(data):
    return np.stack([data[i][0]["x"] for i in range(len(data))])


def labels(data):
    return [data[i][1] for i in range(len(data))]


def write_picture(path, color, size=(8, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".webp"])
def test_pictures_are_scaled_and_in_the_order_red_green_blue(tmp_path, suffix):
    write_picture(tmp_path / f"b{suffix}", (200, 100, 50), size=(31, 17))
    write_picture(tmp_path / f"a{suffix}", (10, 20, 30))
    (tmp_path / "readme.md").write_text("not a picture")
    data = open_data(str(tmp_path), COLOR)
    assert data.where(0) == str(tmp_path / f"a{suffix}") and labels(data) == [None, None]
    got = values(data)
    assert got.shape == (2, 3, 4, 8)
    # what is lossy may be a little off
    np.testing.assert_allclose(got.mean(axis=(2, 3)), [[10, 20, 30], [200, 100, 50]], atol=4)


def test_pictures_keep_their_rows_and_columns(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (4, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_allclose(
        values(open_data(str(tmp_path), COLOR))[0], pixels.transpose(2, 0, 1), rtol=1e-6
    )


def test_pictures_become_gray_for_a_model_with_one_channel(tmp_path):
    write_picture(tmp_path / "a.png", (0, 255, 0))
    # ITU-R 601: 0.587
    np.testing.assert_allclose(values(open_data(str(tmp_path), model(-1, 1, 4, 8))), 150, atol=1)


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path):
    for name in ("dog/2.png", "cat/9.png", "cat/1.png", "zebra/0.png", ".cache/0.png"):
        write_picture(tmp_path / name, "red")
    data = open_data(str(tmp_path), COLOR)
    assert [data.where(i) for i in range(4)] == [
        str(tmp_path / n) for n in ("cat/1.png", "cat/9.png", "dog/2.png", "zebra/0.png")
    ]
    assert labels(data) == [0, 0, 1, 2]


def test_classes_that_are_numbers_are_in_the_order_of_the_numbers(tmp_path):
    for name in ("10", "9", "1", "2"):
        write_picture(tmp_path / name / "0.png", "red")
    data = open_data(str(tmp_path), COLOR)
    assert [Path(data.where(i)).parent.name for i in range(4)] == ["1", "2", "9", "10"] and labels(data) == [
        0,
        1,
        2,
        3,
    ]


def test_an_empty_class_keeps_its_number(tmp_path):
    (tmp_path / "ant").mkdir()
    write_picture(tmp_path / "bee/0.png", "red")
    assert labels(open_data(str(tmp_path), COLOR)) == [1]


def test_labels_from_a_file(tmp_path):
    write_picture(tmp_path / "b c.png", "red")
    write_picture(tmp_path / "a.png", "red")
    write_picture(tmp_path / "sub/d.png", "red")
    (tmp_path / "labels.txt").write_text("b c.png 5\n\nsub/d.png\t7\na.png 0\n")
    assert labels(open_data(str(tmp_path), COLOR)) == [0, 5, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png cat", "labels.txt:1: expected a file and an integer label, found 'a.png cat'."),
        ("\n7", "labels.txt:2: expected a file and an integer label, found '7'."),
        ("a.png 1", "labels.txt: has no label for b.png. Add a line, or remove the picture."),
        ("a.png 1\nb.png 2\nc.png 3", "labels.txt: names c.png, and there is no such picture."),
    ],
)
def test_labels_that_do_not_fit_the_pictures(tmp_path, text, message):
    write_picture(tmp_path / "a.png", "red")
    write_picture(tmp_path / "b.png", "red")
    (tmp_path / "labels.txt").write_text(text)
    assert refusal(tmp_path) == f"{tmp_path}/{message}"


def test_a_folder_without_data(tmp_path):
    assert refusal(tmp_path) == (
        f"{tmp_path}: expected pictures (.png .jpg .jpeg .bmp .webp) or IDX files "
        "(train-images-idx3-ubyte), found neither."
    )


def test_a_picture_outside_of_the_classes(tmp_path):
    write_picture(tmp_path / "cat/0.png", "red")
    write_picture(tmp_path / "a.png", "red")
    assert refusal(tmp_path) == (
        f"{tmp_path}: a.png is in no class sub-folder, but 1 pictures are. Move it, or write labels.txt."
    )


def test_a_file_that_is_no_picture_is_refused_at_once(tmp_path):
    write_picture(tmp_path / "a.png", "red")
    (tmp_path / "b.png").write_bytes(b"not a picture")
    message = refusal(tmp_path)
    assert message.startswith(
        f"{tmp_path / 'b.png'}: cannot be read as a picture (cannot identify image file"
    )
    assert message.endswith("Repair or remove it.")


def test_a_picture_that_ends_early_is_named_when_it_is_read(tmp_path):
    write_picture(tmp_path / "a.png", "red")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:3000])
    data = open_data(str(tmp_path), COLOR)
    with pytest.raises(DataError) as error:
        data[1]
    assert str(error.value).startswith(f"{tmp_path / 'b.png'}: cannot be read as a picture (")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_no_length_in_a_picture_makes_anybody_ask_for_more_than_the_file_has(tmp_path, suffix, monkeypatch):
    """Every four bytes of it are once the largest length there is."""
    asked = []

    class Watched(data_images.Bounded):
        def read(self, size=-1, /):
            found = super().read(size)
            asked.append((size, len(found)))
            return found

    class Raw(data_images.FileIO):
        def read(self, size=-1, /):
            assert size <= 2**20
            return super().read(size)

        def readinto(self, buffer, /):
            assert len(buffer) <= 2**20
            return super().readinto(buffer)

    monkeypatch.setattr(data_images, "Bounded", Watched)
    monkeypatch.setattr(data_images, "FileIO", Raw)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(
        tmp_path / f"a{suffix}"
    )
    whole = (tmp_path / f"a{suffix}").read_bytes()
    outcomes = set()
    for at in range(0, len(whole), 1 if suffix == ".png" else 5):
        (tmp_path / f"a{suffix}").write_bytes(whole[:at] + b"\x7f\xff\xff\xff" + whole[at + 4 :])
        try:
            open_data(str(tmp_path), COLOR)[0]
            outcomes.add("read")
        except DataError:
            outcomes.add("refused")
    assert "refused" in outcomes
    if suffix == ".png":  # whose chunks have lengths
        assert max(size for size, _ in asked) > 2**30 and outcomes == {"read", "refused"}


def test_pictures_of_16_bits_are_refused(tmp_path):
    Image.fromarray(np.full((4, 8), 40000, np.uint16)).save(tmp_path / "a.png")
    assert refusal(tmp_path) == (
        f"{tmp_path / 'a.png'}: expected 8 bits per channel, found Pillow mode 'I;16'. Convert it, or "
        "give an .npz."
    )


def test_pictures_for_a_model_that_takes_none(tmp_path):
    write_picture(tmp_path / "a.png", "red")
    assert refusal(tmp_path, model(-1, 10)) == (
        f"{tmp_path}: pictures fit a model with one input [N, 1 or 3, H, W]; this one has [-1, 10]. "
        "Give an .npz."
    )
