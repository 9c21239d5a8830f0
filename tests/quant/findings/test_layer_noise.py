"""Layers that quantization has turned into noise are named, and those whose weights became zero; others are
not.
"""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from numpot.ir import memory, read_model, save_model
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.compare import compare_models
from numpot.quant.default_quantization import quantize
from numpot.quant.findings import layer_noise
from numpot.quant.layers.weighted_layers import replace_constant
from numpot.quant.metrics.reference import Agreement
from numpot.quant.parallel.dask_pool import open_pool

from ...networks import Network
from ..cli.command_line import invoke
from ..data.array_data import ArrayData, normal

X = normal(24, 3, 8, 8)
BAD = {"activations": {"bits": 2}, "weights": {"bits": 2}}
RESULTS = ("zeroed_layers", "noisy_layers")


def network(batch: int = -1) -> Graph:
    """Three convolutions and a head."""
    net = Network(seed=3)
    y = net.input(batch, 3, 8, 8)
    for name in ("a", "b", "c"):
        y = net.relu(net.conv(y, 8, 3, pad=1, name=name))
    return net.result(net.matmul(net.mean(y), 5, name="head"))


def found(graph: Graph, data: np.ndarray = X, **options) -> dict:
    return quantize(graph, ArrayData(data), **options).info["quantization"]


@pytest.mark.parametrize("preset", ["performance", "mixed", "accuracy", "best"])
def test_ordinary_layers_are_not_named(preset, caplog):
    made = found(network(), preset=preset)
    assert [made[name] for name in RESULTS] == [[], []] and not caplog.messages


def by_comparing(model: Graph) -> dict[str, float]:
    """Names and SQNR as `compare` finds them, of the same samples."""
    comparison = compare_models(
        model, network(), ArrayData(X), arithmetic="simulated", limit=layer_noise.MOST_SAMPLES
    )
    found = {c.name: c.cumulative.sqnr_db for c in comparison.layers}
    return pytest.approx(
        {name: db for name, db in found.items() if db is not None and db < layer_noise.LOST_DB}, abs=0.02
    )


@pytest.mark.parametrize("fewer", [BAD, {"activations": {"bits": 2}}, {}], ids=str)
@pytest.mark.parametrize(
    "options", [{}, {"correct_biases": False}, {"ignored_scope": ["b"]}, {"preset": "accuracy"}], ids=str
)
def test_layers_are_those_that_compare_finds_noisy(fewer, options):
    model = quantize(network(), ArrayData(X), align_channels=False, **fewer, **options)
    named = {layer["name"]: layer["sqnr_db"] for layer in model.info["quantization"]["noisy_layers"]}
    assert named == by_comparing(model) and bool(named) == (fewer == BAD)


@pytest.mark.parametrize("name", ["a", "b", "c"])
@pytest.mark.parametrize("options", [{}, {"equalize_channels": True}, {"preset": "best"}], ids=str)
def test_layers_whose_channels_were_scaled_are_not_taken_for_noisy(name, options):
    """Beside the float model they were scaled in, not the one that was given."""
    graph = network()
    layer = graph.nodes[name]
    sizes = np.geomspace(0.02, 50, 8, dtype=np.float32).reshape(8, 1, 1, 1)
    replace_constant(graph, layer, 1, layer.inputs[1].constant * sizes)
    replace_constant(
        graph,
        layer.output.consumers[0].node,
        1,
        layer.output.consumers[0].node.inputs[1].constant * sizes.reshape(1, 8, 1, 1),
    )
    assert found(graph, **options)["noisy_layers"] == []


def test_some_layers_are_lost_at_two_bits_and_all_is_said(caplog):
    with caplog.at_level(logging.WARNING, "numpot"):
        made = found(network(), **BAD)
    (sentence,) = [m for m in caplog.messages if "SQNR" in m]
    number = len(made["noisy_layers"])
    assert sentence.startswith(
        f"{number} layer{'s are' if number > 1 else ' is'} mostly noise after quantization, with an "
        "SQNR below 3 dB"
    )
    for layer in made["noisy_layers"][:5]:
        assert f"{layer['name']} ({layer['sqnr_db']:.1f} dB)" in sentence
    assert max(layer["sqnr_db"] for layer in made["noisy_layers"]) < layer_noise.LOST_DB


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_finds_the_same(batch):
    fixed, free = (
        {n["name"]: n["sqnr_db"] for n in found(network(b), **BAD)["noisy_layers"]} for b in (batch, -1)
    )
    assert fixed == pytest.approx(free, abs=0.02)


def test_neither_workers_nor_a_resumed_run_change_it(tmp_path):
    expected = found(network(), **BAD)["noisy_layers"]
    for _ in range(2):  # the second takes all statistics from the cache
        assert found(network(), statistics_cache=tmp_path / "state", **BAD)["noisy_layers"] == expected
    with open_pool(2, None) as pool:
        assert found(network(), pool=pool, **BAD)["noisy_layers"] == expected


def test_tensors_that_are_too_large_to_be_held_at_once_are_looked_at_in_groups(monkeypatch):
    runs = []
    original = layer_noise._Observed.run
    monkeypatch.setattr(
        layer_noise._Observed,
        "run",
        lambda self, inputs: runs.append(len(inputs["x"])) or original(self, inputs),
    )
    expected = found(network(), **BAD)["noisy_layers"]
    assert sum(runs) == 2 * layer_noise.MOST_SAMPLES
    for budget in (1, 2 * 2 * 8 * 8 * 8 * 4):  # bytes: one tensor at a time, or two
        runs.clear()
        monkeypatch.setattr(layer_noise, "OBSERVED_BYTES", budget)
        names = [layer["name"] for layer in found(network(), **BAD)["noisy_layers"]]
        assert sum(runs) <= 2 * layer_noise.MOST_SAMPLES and max(runs) <= 8
        assert {layer["name"] for layer in expected} & set(names)


def test_a_model_that_just_fits_into_memory_is_quantized_without_it(monkeypatch, caplog):
    def full(*_):
        raise memory.MemoryLimitError("running the model needs 2 GiB; the memory budget is 1 GiB")

    monkeypatch.setattr(layer_noise._Observed, "run", full)
    with caplog.at_level(logging.WARNING, "numpot"):
        assert found(network(), **BAD)["noisy_layers"] == []
    assert caplog.messages[0].startswith(
        "the noise of 5 layers is not measured: running the model needs 2 GiB"
    )


def test_the_search_for_accuracy_names_them_of_the_model_it_returns():
    free = {"annotation_free": True, "annotation_conf_threshold": 0.0}
    bad = quantize_accuracy_aware(
        network(), ArrayData(X), Agreement(), max_drop=1.0, **free, **BAD
    ).model.info["quantization"]
    assert bad["noisy_layers"] == found(network(), **BAD)["noisy_layers"] != []
    options = {"max_drop": 0.0, "align_channels": False, **free, **BAD}
    good = quantize_accuracy_aware(network(), ArrayData(X), Agreement(), **options).model
    assert good.info["quantization"]["float_layers"]
    assert {
        layer["name"]: layer["sqnr_db"] for layer in good.info["quantization"]["noisy_layers"]
    } == by_comparing(good)


# ---- weights -----------------------------------------------------------------------------------------------


def scaled(name: str, size: float) -> Graph:
    graph = network()
    layer = graph.nodes[name]
    replace_constant(graph, layer, 1, (layer.inputs[1].constant * np.float32(size)).astype(np.float32))
    return graph


@pytest.mark.parametrize("size", [1e-4, 1e-6, 1e-8, 1e-12])
@pytest.mark.parametrize("preset", ["performance", "mixed", "accuracy"])
def test_small_weights_behind_large_activations_keep_their_function(size, preset):
    """0.0 dB as long as a range had a floor with a unit."""
    graph, x = scaled("a", size), (X / size).astype(np.float32)
    quantized = quantize(graph, ArrayData(x), preset=preset)
    expected, made = Executor(graph).run(x)["y"], Executor(quantized).run(x)["y"]
    assert 10 * np.log10(np.square(expected).sum() / np.square(made - expected).sum()) > 20
    assert [quantized.info["quantization"][name] for name in RESULTS] == [[], []]


@pytest.mark.parametrize("preset", ["performance", "accuracy"])
def test_weights_that_become_zero_are_named(preset, caplog):
    """With a range that the user gives."""
    end = {"type": "max", "clipping_value": 1e4} if preset == "performance" else None
    options = {"weights": {"range_estimator": {"max": end}}} if end else {}
    graph = scaled("b", 1e-20) if preset == "performance" else scaled("b", 0.0)
    made = found(graph, preset=preset, **options)
    # what was zero before is not lost
    assert made["zeroed_layers"] == (["b"] if preset == "performance" else [])
    assert any(
        m.startswith("1 layer lost all weights, which are too small") and ": b. " in m
        for m in caplog.messages
    ) == bool(end)


# ---- the command -------------------------------------------------------------------------------------------


def test_the_command_ends_with_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(network(), "net.xml")
    np.savez("data.npz", x=X)
    command = (
        "quantize",
        "net.xml",
        "--data",
        "data.npz",
        "-o",
        "int8.xml",
        "--weights",
        "bits=2",
        "--activations",
        "bits=2",
    )
    outcome = invoke(*command)
    assert (
        outcome.exit_code == 0
        and "mostly noise after quantization, with an SQNR below 3 dB" in outcome.stderr
    )
    report = json.loads(invoke(*command, "--json").stdout)
    assert report["noisy_layers"] == read_model("int8.xml").info["quantization"]["noisy_layers"] != []
    assert report["zeroed_layers"] == []
    outcome = invoke(
        *command,
        "--method",
        "accuracy-aware",
        "--metric",
        "agreement",
        "--annotation-free",
        "--annotation-conf-threshold",
        0,
        "--max-drop",
        1,
    )
    assert outcome.exit_code == 0 and "SQNR below 3 dB" in outcome.stderr
    assert json.loads(Path("report.json").read_text())["noisy_layers"] == report["noisy_layers"]
