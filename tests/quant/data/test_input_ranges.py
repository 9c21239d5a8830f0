"""What the model's inputs see is said, and a mean and standard deviation that were meant for other pixels are
remarked upon.
"""

import json
import logging
from itertools import product

import numpy as np
import pytest

from numpot.ir import save_model
from numpot.ir.dtypes import I64
from numpot.ir.graph import Graph
from numpot.quant.data.input_ranges import InputRanges, doubts
from numpot.quant.data.model_data import ModelData
from numpot.quant.data.preprocessing import Preprocessing
from numpot.quant.default_quantization import quantize

from ...networks import Network
from ..cli.command_line import invoke
from .array_data import ArrayData

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
DARK = (PICTURES * 0.15).astype(np.uint8)
SETS = (
    ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ([0.5], [0.5]),
    ([0.286], [0.353]),
    ([0.0], [1.0]),
    ([0.4914], [0.247]),
)


def network(mean: list[float] | None = None, std: list[float] | None = None) -> Graph:
    net = Network()
    graph = net.result(net.mean(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, 3))))
    if mean is not None and std is not None:
        graph.info["preprocessing"] = Preprocessing(tuple(mean), tuple(std)).record()
    return graph


def found(graph: Graph, data: np.ndarray) -> list[str]:
    ranges = InputRanges(ModelData(ArrayData(data), graph))
    for i in range(len(ranges)):
        ranges[i]
    return doubts(graph, ranges.found)


def times(values: list[float], factor: float) -> list[float]:
    return [v * factor for v in values]


@pytest.mark.parametrize("mean_std", SETS, ids=str)
@pytest.mark.parametrize("pictures", [PICTURES, DARK], ids=["ordinary", "dark"])
def test_normalized_pictures_are_not_remarked_upon(mean_std, pictures):
    assert not found(network(*mean_std), pictures)


@pytest.mark.parametrize("mean", [[0.0], [0.485, 0.456, 0.406], [0.5]], ids=str)
def test_pixels_of_0_to_255_that_a_model_takes_are_not_either(mean):
    """Where pixels become floats they have to be asked for: a standard deviation of one grey level."""
    assert not found(network(mean, [1 / 255]), PICTURES) and not found(network(mean, [0.00392]), PICTURES)


@pytest.mark.parametrize(
    "data", [PICTURES.astype(np.float32), PICTURES / 1e6, PICTURES * 1e6], ids=["pixels", "small", "large"]
)
def test_floats_for_a_model_that_records_nothing_are_its_own_business(data):
    assert not found(network(), np.moveaxis(data, 3, 1))


@pytest.mark.parametrize(("mean_std", "wrong"), list(product(SETS, ["mean", "std", "both"])))
def test_numbers_for_pixels_of_0_to_255_are_found_and_what_to_give_is_said(mean_std, wrong):
    mean, std = mean_std
    graph = network(
        *(times(v, 255) if wrong in (name, "both") else v for name, v in (("mean", mean), ("std", std)))
    )
    if graph.info["preprocessing"] == network(mean, std).info["preprocessing"]:
        return  # 255 times nothing
    (sentence,) = found(graph, PICTURES)
    advice = f"--mean {','.join(f'{m:.6g}' for m in mean)} --std {','.join(f'{s:.6g}' for s in std)}"
    assert sentence.startswith("input 'x': the model sees ") and f"give {advice}, or " in sentence
    assert "--mean" in sentence.split("give")[0] and "pixels of 0 to 255" in sentence


@pytest.mark.parametrize("mean_std", [s for s in SETS if max(s[1]) < 1], ids=str)
def test_numbers_divided_by_255_twice_are_found(mean_std):
    mean, std = mean_std
    (sentence,) = found(network(mean, times(std, 1 / 255)), PICTURES)
    assert (
        "far from the -3 to 3" in sentence
        and f"give --mean {','.join(f'{m:.6g}' for m in mean)} --std {std[0]:.6g}" in sentence
    )


def test_floats_that_were_not_normalized_are_found():
    """The model records how it wants its pixels, and gets them in another way."""
    (sentence,) = found(network(*SETS[0]), np.moveaxis(PICTURES, 3, 1).astype(np.float32))
    assert "the model sees 0 to 255, which is far" in sentence and "check them" in sentence
    (sentence,) = found(network(*SETS[1]), PICTURES // 255)  # 0 and 1 where 0 and 255 are meant
    assert "nearly one value" in sentence and "check them" in sentence


def test_what_is_no_picture_is_not_judged():
    net = Network()
    picture, tokens = net.input(-1, 3, 8, 8), net.input(-1, 4, name="numbers")
    graph = net.result(net.do("Add", net.matmul(net.mean(net.relu(net.conv(picture, 4, 3))), 4), tokens))
    graph.info["preprocessing"] = Preprocessing((0.5,), (0.5,)).record()
    data = ArrayData({"x": PICTURES, "numbers": np.full((12, 4), 1e4, np.float32)})
    ranges = InputRanges(ModelData(data, graph))
    for i in range(len(ranges)):
        ranges[i]
    assert not doubts(graph, ranges.found) and ranges.found["numbers"].max == 1e4


@pytest.mark.parametrize("shape", [(5,), (3, 8, 8), (2, 3), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_ranges_are_those_of_all_samples_together(shape, dtype):
    x = (1000 * RNG.standard_normal((7, *shape)) + 500).astype(dtype)
    net = Network()
    graph = net.result(
        net.do(
            "Negative",
            net.input(-1, *shape, dtype=I64 if dtype is np.int64 else net.input(1, name="other").dtype),
        )
    )
    graph.remove(graph.nodes["other"]) if "other" in graph.nodes else None
    ranges = InputRanges(ModelData(ArrayData(x), graph))
    for i in range(len(ranges)):
        ranges[i]
    (seen,) = ranges.found.values()
    np.testing.assert_allclose(
        [seen.min, seen.max, seen.std], [x.min(), x.max(), x.astype(float).std()], rtol=1e-9
    )


@pytest.mark.parametrize("cached", [False, True])
def test_quantize_notes_the_range_and_warns(tmp_path, caplog, cached):
    options = {"statistics_cache": tmp_path / "state"} if cached else {}
    with caplog.at_level(logging.WARNING, "numpot"):
        fine = quantize(network(*SETS[1]), ArrayData(PICTURES), **options).info["quantization"]["inputs"]
        assert not caplog.messages
        quantize(
            network([127.5], [127.5]),
            ArrayData(PICTURES),
            **({"statistics_cache": tmp_path / "other"} if cached else {}),
        )
    assert [m.split(",")[0] for m in caplog.messages if "model sees" in m] == [
        "input 'x': the model sees -1 to -0.9922"
    ]
    x = (PICTURES.astype(np.float32) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(list(fine["x"].values()), [x.min(), x.max(), x.std()], rtol=1e-6)


def test_the_command_says_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(network(), "net.xml")
    np.savez("pixels.npz", x=PICTURES)
    command = ("quantize", "net.xml", "--data", "pixels.npz", "-o", "int8.xml", "--mean")
    fine = invoke(*command, "0.5", "--std", "0.5")
    assert (
        "input 'x': the model sees -1 to 1\n" in fine.stdout and "pixels that were divided" not in fine.output
    )
    wrong = invoke(*command, "123.675", "--std", "58.395")
    assert (
        wrong.exit_code == 0 and "the model sees -2.118 to -2.101, which is nearly one value" in wrong.stderr
    )
    assert "give --mean 0.485 --std 0.229" in wrong.stderr
    outcome = invoke(*command, "123.675", "--std", "58.395", "--json")
    report = json.loads(outcome.stdout)
    assert report["inputs"]["x"]["std"] < 0.01 and "nearly one value" in outcome.stderr
