"""Which label each folder of pictures stands for: said, saved with the model, given by a file; and a model
that guesses.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numpot.ir import Graph, read_model, save_model
from numpot.quant import DataLoader, evaluate, finetune, quantize, quantize_accuracy_aware
from numpot.quant.data.classes import Classes, read_classes
from numpot.quant.data.model_data import ModelData
from numpot.quant.data.sources import open_data
from numpot.quant.errors import DataError
from numpot.quant.metrics.chance import ChanceWarning

from ...networks import Network
from ..cli.command_line import invoke

NAMES = ["zebra", "ant", "bee 1"]  # in the order of the model's outputs, which is not theirs
EACH = 10


def brightness() -> Graph:
    """Scores of three classes: pictures of 0, 120 and 240 have classes 0, 1 and 2."""
    net = Network()
    x = net.input(-1, 1, 4, 4)
    levels = np.array([0, 120, 240], np.float32) / 255
    weights = np.repeat(2 * levels[:, None], 16, axis=1).reshape(3, 1, 4, 4) / np.float32(16)
    y = net.do(
        "Convolution",
        x,
        weights,
        strides=(1, 1),
        pads_begin=(0, 0),
        pads_end=(0, 0),
        dilations=(1, 1),
        groups=1,
        name="conv",
    )
    # 2 m l - l^2 is largest for the nearest l
    y = net.do("Flatten", net.do("Add", y, -np.square(levels).reshape(1, 3, 1, 1)), axis=1)
    graph = net.result(y, "scores")
    graph.info["preprocessing"] = {"mean": [0.0], "std": [1.0]}
    return graph


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """model.xml, its class names in classes.txt, and the folder `pictures` with a sub-folder for each."""
    monkeypatch.chdir(tmp_path)
    save_model(brightness(), "model.xml")
    Path("classes.txt").write_text("\n".join(NAMES) + "\n\n", "utf-8")
    rng = np.random.default_rng(0)
    for label, name in enumerate(NAMES):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(EACH):
            pixels = np.clip(120 * label + rng.integers(-30, 31, (4, 4)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{i}.png")
    return tmp_path


def labels_of(data: DataLoader) -> dict[str, int]:
    return {Path(data.where(i)).parent.name: data.label(i) for i in range(len(data))}


BY_FILE = {"zebra": 0, "ant": 1, "bee 1": 2}
BY_NAME = {"ant": 0, "bee 1": 1, "zebra": 2}

# ---- the mapping -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes",
    ["classes.txt", Path("classes.txt"), NAMES, tuple(NAMES), Classes(tuple(NAMES), "me")],
    ids=repr,
)
def test_classes_decide_labels(classes: object, folder: Path) -> None:
    data = open_data("pictures", brightness(), classes=classes)
    assert labels_of(data) == BY_FILE == data.classes.labels
    assert evaluate(brightness(), data, "accuracy@1").value == 1
    assert evaluate(brightness(), data, "accuracy@1", limit=25).classes == BY_FILE


def test_without_a_file_the_order_of_names_does_and_is_printed(folder: Path) -> None:
    assert labels_of(open_data("pictures", brightness())) == BY_NAME
    printed = invoke("evaluate", "model.xml", "--data", "pictures").stdout
    assert "classes by the order of the folders' names: 0 = ant, 1 = bee 1, 2 = zebra\n" in printed
    with_file = invoke("evaluate", "model.xml", "--data", "pictures", "--classes", "classes.txt")
    assert (
        "classes by classes.txt: 0 = zebra, 1 = ant, 2 = bee 1\n" in with_file.stdout
        and "accuracy@1 1.0000" in with_file.stdout
    )
    found = json.loads(
        invoke("evaluate", "model.xml", "--data", "pictures", "--classes", "classes.txt", "--json").stdout
    )
    assert found["classes"] == BY_FILE and found["value"] == 1


def test_many_classes_are_printed_shortly() -> None:
    assert Classes(tuple(f"c{i}" for i in range(1000)), "f.txt").sentence.endswith("9 = c9 and 990 more")


def test_lines_without_folders_keep_their_numbers_and_are_named(folder: Path) -> None:
    Path("more.txt").write_text("\ufeffcat\r\nzebra\r\nant \r\nbee 1\r\ndog", "utf-8")
    outcome = invoke("evaluate", "model.xml", "--data", "pictures", "--classes", "more.txt", "--json")
    assert "numpot: 2 of 5 classes by more.txt have no folder: 'cat', 'dog'" in outcome.stderr
    # zebra is 1, bee 1 is 3
    assert outcome.exit_code == 2 and "label 3 is no class of the model, which has 3" in outcome.stderr


def test_empty_folders_need_no_line(folder: Path) -> None:
    (folder / "pictures" / "empty").mkdir()
    assert labels_of(open_data("pictures", brightness(), classes="classes.txt")) == BY_FILE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "zebra\nant\n",
            "pictures: sub-folder 'bee 1' is none of the 2 classes by c.txt. Name the sub-folders as "
            "the classes are",
        ),
        ("zebra\nant\nzebra\nbee 1", "c.txt: class 'zebra' is named twice, for labels 0 and 2."),
        ("zebra\n\nant\nbee 1", "c.txt: label 1 has no name; give one class name a line."),
        ("\n \n", "c.txt: expected one class name a line, found none."),
        (b"\xff\xfe\x00", "c.txt: expected text in UTF-8, one class name a line."),
    ],
)
def test_files_that_do_not_fit(text: str | bytes, message: str, folder: Path) -> None:
    Path("c.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as refused:
        open_data("pictures", brightness(), classes="c.txt")
    assert str(refused.value).startswith(message)
    outcome = invoke("quantize", "model.xml", "--data", "pictures", "--classes", "c.txt", "-o", "out.xml")
    assert outcome.exit_code == 2 and message in outcome.stderr and not Path("out.xml").exists()


@pytest.mark.parametrize("classes", [3, {"a": 1}, ["a", 2], object, b"x", 0.5])
def test_classes_of_a_wrong_kind(classes: object, folder: Path) -> None:
    with pytest.raises(
        DataError, match="classes must be the path of a file with one name a line, or a list of names, found"
    ):
        open_data("pictures", brightness(), classes=classes)


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(DataError, match=r"missing.txt: cannot be read \(No such file or directory\)"):
        open_data("pictures", brightness(), classes="missing.txt")


def test_classes_for_data_that_has_none(folder: Path) -> None:
    np.savez("d.npz", x=np.zeros((3, 1, 4, 4), np.float32), y=np.arange(3))
    with pytest.raises(
        DataError,
        match="d.npz: classes by classes.txt are for folders with a sub-folder of pictures for each class",
    ):
        open_data("d.npz", brightness(), classes="classes.txt")
    with pytest.raises(
        DataError, match="there is no sub-folder with pictures, and classes.txt names 3 classes"
    ):
        open_data("pictures/ant", brightness(), classes="classes.txt")
    Path("pictures/labels.txt").write_text("")
    with pytest.raises(
        DataError, match="labels.txt gives the labels; classes by classes.txt mean nothing then"
    ):
        open_data("pictures", brightness(), classes="classes.txt")


# ---- saved with the model ----------------------------------------------------------------------------------


def test_given_classes_are_saved_and_used_again(folder: Path) -> None:
    outcome = invoke(
        "quantize", "model.xml", "--data", "pictures", "--classes", "classes.txt", "-o", "int8.xml", "--json"
    )
    assert outcome.exit_code == 0, outcome.output
    int8 = read_model("int8.xml")
    assert int8.info["classes"] == NAMES
    data = open_data("pictures", int8)
    assert labels_of(data) == BY_FILE and data.classes.source == "the model"
    (folder / "pictures" / "ant").rename("elsewhere")  # the others keep their labels
    assert labels_of(open_data("pictures", int8)) == {"zebra": 0, "bee 1": 2}
    assert evaluate(int8, "pictures", "accuracy@1").classes == BY_FILE


def test_classes_by_name_are_not_saved_where_no_label_was_used(folder: Path) -> None:
    assert "classes" not in quantize(brightness(), "pictures").info
    assert quantize(brightness(), open_data("pictures", brightness(), classes=NAMES)).info["classes"] == NAMES


@pytest.mark.filterwarnings("ignore::numpot.quant.metrics.chance.ChanceWarning")
def test_they_are_where_labels_were_used(folder: Path) -> None:
    model = quantize_accuracy_aware(brightness(), "pictures", "accuracy@1", max_drop=1.0).model
    assert model.info["classes"] == sorted(NAMES)
    data = open_data("pictures", brightness(), classes=NAMES)
    assert (
        quantize_accuracy_aware(brightness(), data, "accuracy@1", max_drop=1.0).model.info["classes"] == NAMES
    )
    free = quantize_accuracy_aware(
        brightness(),
        "pictures",
        "accuracy@1",
        annotation_free=True,
        annotation_conf_threshold=0,
        max_drop=1.0,
    )
    assert "classes" not in free.model.info
    int8 = quantize(brightness(), data)
    assert finetune(int8, data, epochs=1).info["classes"] == NAMES


def test_folders_that_are_none_of_the_saved_classes_have_no_labels(folder: Path) -> None:
    int8 = quantize(brightness(), open_data("pictures", brightness(), classes=NAMES))
    (folder / "pictures" / "ant").rename("pictures/part 7")
    assert quantize(brightness(), open_data("pictures", int8)).info["quantization"]  # needs no labels
    with pytest.raises(
        DataError,
        match="'part 7' is none of the 3 classes by the model; name the classes in a file .--classes.",
    ):
        evaluate(int8, "pictures", "accuracy@1")


@pytest.mark.parametrize("record", ["zebra", [1], {"a": 1}, 3])
def test_a_record_that_is_none(record: object, folder: Path) -> None:
    graph = brightness()
    graph.info["classes"] = record
    with pytest.raises(DataError, match="classes must be a list of names"):
        open_data("pictures", graph)


def test_accuracy_aware_on_the_command_line(folder: Path) -> None:
    arguments = (
        "quantize",
        "model.xml",
        "--data",
        "pictures",
        "--classes",
        "classes.txt",
        "-o",
        "a.xml",
        "--method",
        "accuracy-aware",
    )
    printed = invoke(*arguments, "--max-drop", "1").stdout
    assert "classes by classes.txt: 0 = zebra, 1 = ant, 2 = bee 1\n" in printed
    assert (
        read_model("a.xml").info["classes"] == NAMES == json.loads(Path("report.json").read_text())["classes"]
    )


def test_names_of_any_kind_survive_the_file(tmp_path: Path) -> None:
    names = ["a b", "naïve", "", "quote\"'<&>", "日本"]
    (tmp_path / "c.txt").write_text("\n".join(names), "utf-8")
    with pytest.raises(DataError, match="label 2 has no name"):
        read_classes(tmp_path / "c.txt")
    names[2] = "0"
    (tmp_path / "c.txt").write_text("\n".join(names), "utf-8")
    graph = brightness()
    graph.info["classes"] = list(read_classes(tmp_path / "c.txt").names)
    save_model(graph, tmp_path / "m.xml")
    assert read_model(tmp_path / "m.xml").info["classes"] == names


# ---- chance ------------------------------------------------------------------------------------------------


class Coins(DataLoader):
    """Pictures of brightness 0, 120, 240 in turns, of which `right` have their own label and the others the
    next one.
    """

    def __init__(self, samples: int, right: int) -> None:
        self.samples, self.right = samples, right

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int):
        return np.full((1, 4, 4), 120 * (index % 3) / 255, np.float32), (index + (index >= self.right)) % 3


@pytest.mark.parametrize("samples", [20, 90, 300])
def test_exactly_what_guessing_may_give_is_remarked_upon(
    samples: int, recwarn: pytest.WarningsRecorder
) -> None:
    """1/3 and two standard errors, sqrt(2/9 / n) each."""
    most = math.floor(samples * (1 / 3 + 2 * math.sqrt(2 / 9 / samples)))
    assert evaluate(brightness(), Coins(samples, most + 1), "accuracy@1").value == (most + 1) / samples
    assert not recwarn.list
    for right in (most, 0):
        with pytest.warns(
            ChanceWarning,
            match=f"of the float model is {right / samples:.4f} on {samples} samples, and guessing ",
        ):
            evaluate(brightness(), Coins(samples, right), "accuracy@1")


def test_what_is_not_remarked_upon(recwarn: pytest.WarningsRecorder) -> None:
    evaluate(brightness(), Coins(19, 0), "accuracy@1")  # too few samples
    evaluate(brightness(), Coins(30, 0), "accuracy@3")  # always right
    evaluate(brightness(), Coins(30, 0), "f1")
    evaluate(quantize(brightness(), Coins(30, 30)), Coins(30, 0), "accuracy@1")  # not the float model
    assert not recwarn.list


def test_the_remark_names_the_mapping(folder: Path) -> None:
    outcome = invoke("evaluate", "model.xml", "--data", "pictures")
    assert re_line(outcome.stderr, "warning: ") == (
        "numpot: warning: accuracy@1 of the float model is 0.0000 on 30 samples, and guessing among 3 "
        "classes gives 0.3333: the labels may "
        "be numbered differently from the model's outputs (classes by the order of the folders' names: 0 "
        "= ant, 1 = bee 1, 2 = zebra; "
        "--classes FILE gives others), or the samples preprocessed differently from training"
    )
    assert (
        "warning"
        not in invoke("evaluate", "model.xml", "--data", "pictures", "--classes", "classes.txt").stderr
    )


def test_the_accuracy_aware_method_remarks_too(folder: Path) -> None:
    with pytest.warns(ChanceWarning, match="accuracy@1 of the float model is 0.0000"):
        quantize_accuracy_aware(brightness(), "pictures", "accuracy@1", max_drop=1.0)


def re_line(text: str, part: str) -> str:
    (line,) = [line for line in text.splitlines() if part in line]
    return line


def test_data_without_classes_says_none() -> None:
    assert ModelData(Coins(3, 3), brightness()).classes is None
