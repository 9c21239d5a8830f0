"""Models that have nothing to do with each other are refused; those that are the same, however they were made
and written, are not.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from numpot.ir import Graph, Interpreter, read_model, save_model
from numpot.quant import demo, quantize
from numpot.quant.compare import CompareError, compare_models, compare_with_vendor
from numpot.quant.compare.forcing import without_fake_quantize
from numpot.quant.compare.points import points_in_common
from numpot.quant.compare.structure import check_structure, check_weights
from numpot.quant.metrics.not_finite import NotFiniteWarning

from ...ir.random_networks import networks
from ...networks import Network
from ..cli.command_line import invoke
from ..data.array_data import ArrayData, normal


def check(model: Graph, reference: Graph) -> None:
    check_structure(model, reference)
    check_weights(points_in_common(model, reference), model, reference)


def small(*channels: int, seed: int = 0) -> Graph:
    """(N,1,28,28) -> (N,10), with names that any exporter might give."""
    net = Network(seed=seed)
    x = net.input(-1, 1, 28, 28)
    for width in channels:
        x = net.relu(net.conv(x, width, 3, stride=2))
    return net.result(net.matmul(net.mean(x), 10), "logits")


# ---- accepted ----------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(networks(int8=True))
def test_any_network_with_and_without_its_quantizers(graph: Graph) -> None:
    graph.prune()
    other = without_fake_quantize(graph)
    check(graph, other)
    check(other, graph)


@settings(max_examples=30, deadline=None)
@given(networks(int8=False))
def test_any_network_whose_layers_are_called_otherwise(graph: Graph) -> None:
    twin = graph.copy()
    for i, node in enumerate(list(twin)):
        if node.type not in ("Parameter", "Result"):
            twin.rename(node, f"other {i}")
    check(graph, twin)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preset": "accuracy"},
        {"weights": {"bits": 2}},
        {"equalize_channels": True},
        {"weights": {"granularity": "pertensor"}},
    ],
    ids=str,
)
def test_a_float_model_and_what_quantize_makes_of_it(options: dict) -> None:
    fp32, calibration, _ = demo.load()
    int8 = quantize(fp32, calibration, stat_subset_size=8, **options)
    check(int8, fp32)
    check(fp32, int8)


def test_one_model_in_three_formats(tmp_path: Path) -> None:
    """Read again from ONNX, from IR, and from the IR that OpenVINO itself makes of the ONNX file."""
    openvino = pytest.importorskip("openvino")
    net = Network()
    y = net.relu(net.conv(net.input(-1, 1, 28, 28), 4, 3, stride=2, name="stem"))
    y = net.relu6(net.conv(net.depthwise(y, name="depth"), 8, name="point"))
    fp32 = net.result(
        net.do("Add", net.conv(y, 8, 13, name="head"), np.float32(1).reshape(1, 1, 1, 1)), "scores"
    )
    save_model(fp32, tmp_path / "m.onnx")
    save_model(fp32, tmp_path / "m.xml", "openvino")
    openvino.save_model(
        openvino.Core().read_model(tmp_path / "m.onnx"), tmp_path / "converted.xml", compress_to_fp16=True
    )
    graphs = [fp32, *(read_model(tmp_path / name) for name in ("m.onnx", "m.xml", "converted.xml"))]
    for a in graphs:
        for b in graphs:
            check(a, b)
    _, calibration, _ = demo.load()
    int8 = quantize(graphs[1], calibration, stat_subset_size=8)
    found = compare_models(int8, graphs[3], calibration, limit=2)
    assert len(found.layers) == 4 and found.worst is not None


def test_fused_and_unfused_layers() -> None:
    """A batch normalization as arithmetic of its own, and a 1x1 convolution as a matrix product."""

    def build(fused: bool) -> Graph:
        net = Network()
        y = net.conv(net.input(-1, 4, 1, 1), 6, bias=False, name="first")
        if not fused:
            y = net.do("Add", net.do("Multiply", y, normal(1, 6, 1, 1)), normal(1, 6, 1, 1))
        if fused:
            y = net.matmul(net.do("Flatten", y, axis=1), 5, name="second")
        else:
            y = net.do("Flatten", net.conv(y, 5, name="second"), axis=1)
        return net.result(net.matmul(y, 7, name="third"))

    check_structure(build(True), build(False))
    check_structure(build(False), build(True))


def test_half_of_a_model_is_still_the_model() -> None:
    # two layers of four; the last one reads another number of channels
    check_structure(small(4, 8, 16), small(4, 8))
    with pytest.raises(CompareError, match="1 of 4 layers"):
        check_structure(small(4, 8, 16), small(4))


# ---- refused -----------------------------------------------------------------------------------------------


def test_models_of_other_structure_name_no_culprit_but_what_is_missing() -> None:
    with pytest.raises(CompareError) as refused:
        compare_models(small(4, 8, 16), small(5, 6), ArrayData(normal(2, 1, 28, 28)))
    assert str(refused.value) == (
        "the models differ in structure, so no layer can be blamed: 0 of 4 layers with weights have a "
        "counterpart of the same "
        "size; only the model has 'Convolution', 'Convolution_1', 'Convolution_2' and 1 more, only the "
        "reference 'Convolution', "
        "'Convolution_1', 'MatMul'"
    )


def test_layers_of_one_name_and_size_with_other_weights() -> None:
    with pytest.raises(
        CompareError,
        match="same names and sizes, but other weights, .*: 0 of 3 layers have weights like the reference's",
    ):
        compare_models(small(4, 8), small(4, 8, seed=1), ArrayData(normal(2, 1, 28, 28)))


@settings(max_examples=30, deadline=None)
@given(networks(int8=False), networks(int8=False))
def test_whatever_is_accepted_can_be_compared(a: Graph, b: Graph) -> None:
    """Two networks that were drawn by themselves: refused, or compared without a culprit that has no
    counterpart.
    """
    if a.inputs[0].output.shape != b.inputs[0].output.shape:
        return
    shape = a.inputs[0].output.shape[1:]
    try:
        found = compare_models(a, b, ArrayData(normal(2, *shape)))
    except CompareError:
        return
    assert all(layer.name in b.nodes for layer in found.layers)


def test_outputs_of_other_shapes_or_names() -> None:
    def build(classes: int, *outputs: str) -> Graph:
        net = Network()
        y = net.matmul(net.input(-1, 4), 3, name="body")
        for name in outputs:
            net.result(net.matmul(y, classes, name=f"head {name}"), name)
        return net.graph

    with pytest.raises(
        CompareError, match=r"output 'a' has shape \[-1, 5\] in the model, \[-1, 6\] in the reference"
    ):
        check_structure(build(5, "a"), build(6, "b"))
    with pytest.raises(
        CompareError, match="of outputs only the model has 'a', 'b', only the reference 'c', 'd', 'e'"
    ):
        check_structure(build(5, "a", "b"), build(6, "c", "d", "e"))


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(small(5, 6), "other.xml")
    outcome = invoke("compare", demo.MODEL, "--with", "other.xml", "--data", demo.TEST, "--limit", 2)
    assert (
        outcome.exit_code == 2
        and "differ in structure" in outcome.stderr
        and "hurts most" not in outcome.output
    )


# ---- outputs that are no numbers ---------------------------------------------------------------------------


def test_outputs_that_are_not_finite_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def build(divided: bool) -> Graph:
        net = Network()
        y = net.matmul(net.input(-1, 4), 3)
        return net.result(net.do("Divide", y, net.do("ReLU", y)) if divided else y)

    save_model(build(True), "broken.xml")
    save_model(build(False), "sound.xml")
    np.savez("x.npz", x=normal(6, 4))
    outcome = invoke("compare", "broken.xml", "--with", "sound.xml", "--data", "x.npz", "--json")
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    (outputs,) = Interpreter(read_model("sound.xml")).run(normal(6, 4)).values()
    negative = outputs < 0  # divided by zero: infinite
    counts = found["not_finite"]["model"]
    assert (counts["samples"], counts["infinite_numbers"]) == (6, int(negative.sum()))
    assert counts["infinite_samples"] == int(negative.any(axis=1).sum()) > 0
    assert found["not_finite"]["reference"]["infinite_numbers"] == 0
    assert any(note.startswith("outputs of the model are infinite for ") for note in found["notes"])
    assert (
        "note: outputs of the model are infinite for"
        in invoke("compare", "broken.xml", "--with", "sound.xml", "--data", "x.npz").stdout
    )


def test_outputs_that_are_not_finite_in_a_runtime(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    net = Network()
    y = net.matmul(net.input(-1, 4), 3)
    graph = net.result(net.do("Sqrt", y))
    with pytest.warns(NotFiniteWarning, match="outputs of the reference are NaN for") as seen:
        found = compare_with_vendor(graph, "onnxruntime", ArrayData(normal(6, 4)))
    assert {w.category for w in seen} == {NotFiniteWarning}  # none of NumPy's
    (outputs,) = Interpreter(graph).run(normal(6, 4)).values()
    nan = np.isnan(outputs)
    for counts in (found.not_finite, found.reference_not_finite):
        assert (counts.numbers, counts.nan_numbers, counts.nan_samples) == (
            18,
            int(nan.sum()),
            int(nan.any(axis=1).sum()),
        )
