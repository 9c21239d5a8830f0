"""Accuracy-aware quantization: what it reverts, and what it promises."""

import json

import numpy as np
import pytest

from numpot.ir import read_model, save_model
from numpot.ir.executor.executor import Executor
from numpot.ir.lowering.lower import integer_layers
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.default_quantization import quantize
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.evaluate import evaluate
from numpot.quant.vendors.registry import VENDORS

from ..data.array_data import ArrayData
from ..material import load_data, load_model, needs_material
from .accuracy_models import DATA, FEW_BITS, GRAPH, Labelled, run


def test_nothing_is_reverted_where_the_drop_is_allowed(tmp_path):
    model, report = run(drop=1.0)
    assert report.reached and not report.float_layers and (report.full, report.partial) == (2, 0)
    whole = quantize(GRAPH, DATA, **FEW_BITS)
    assert [n.name for n in model] == [n.name for n in whole]
    assert all(
        np.array_equal(a.op.value, b.op.value)
        for a, b in zip(model, whole, strict=True)
        if a.type == "Constant"
    )


@pytest.mark.parametrize("search", ["best", "pot"])
def test_the_target_is_reached_and_the_report_is_true(search):
    model, report = run(drop=0.05, search=search)
    assert report.visited[1].drops["accuracy@1"] > 0.05 and report.reached
    made = model.info["quantization"]
    assert set(report.float_layers) and set(report.float_layers) & set(integer_layers(model)) <= set(
        made["float_layers"]
    )
    assert evaluate(model, DATA, Accuracy()).value == report.values["accuracy@1"]
    assert report.record() == json.loads(json.dumps(report.record())) and report.record()["visited"]


def test_the_best_model_is_returned_if_the_target_is_missed():
    report = run(max_iter_num=1).report
    assert not report.reached and "NOT reached" in report.sentence
    assert report.drops["accuracy@1"] == min(v.drops["accuracy@1"] for v in report.visited[1:])


def test_what_is_returned_is_on_the_pareto_front():
    report = run(drop=0.05).report
    returned = [v for v in report.visited[1:] if v.values == report.values]
    assert any(v.pareto for v in returned)
    fronts = [v for v in report.visited if v.pareto]
    assert not any(
        a.drops["accuracy@1"] <= b.drops["accuracy@1"] and a.float_share < b.float_share
        for a in fronts
        for b in fronts
    )


def test_ranking_by_noise_needs_no_labels_to_rank():
    assert run(drop=0.05, rank_by="sqnr").report.reached


# ---- real models -------------------------------------------------------------------------------------------


def quantized(name, drop, **options):
    data = load_data(name)
    options |= {"calibration_data": ArrayData(data.calibration), "max_drop": drop}
    return quantize_accuracy_aware(load_model(name), Labelled(data.test, data.labels), Accuracy(), **options)


def real(name, drop, **options):
    return quantized(name, drop, **options).report


def assert_no_more_work_than_pot(name, drop):
    """Evaluations to reach the target, on all samples and to rank; returns both reports."""
    ours, pot = real(name, drop), real(name, drop, search="pot")
    assert ours.reached and pot.reached and len(ours.float_layers) <= len(pot.float_layers)
    assert ours.full <= pot.full and ours.partial <= pot.partial
    return ours, pot


@needs_material
def test_digits_cnn():
    ours, pot = assert_no_more_work_than_pot("digits_cnn", 0.002)
    assert len(ours.float_layers) == 2 and ours.restored == 1
    order = [v.layers for v in pot.visited if v.what == "revert"]
    # as POT's log has it
    assert order == [("/c1/Conv/WithoutBiases",), ("/c3/Conv/WithoutBiases",), ("/fc/Gemm/WithoutBiases",)]


@needs_material
@pytest.mark.slow
def test_fmnist_mobilenet_hard():
    ours, _ = assert_no_more_work_than_pot("fmnist_mobilenet_hard", 0.005)
    assert len(ours.float_layers) <= 8  # POT's own result
    assert ours.full + ours.partial <= 5 + 25 and ours.restored == 0  # what POT's log has


@needs_material
@pytest.mark.slow
def test_the_mixed_model_runs_everywhere_as_accurately(tmp_path):
    name = "fmnist_mobilenet_hard"
    data = load_data(name)
    result = quantized(name, 0.005)
    assert result.report.float_layers
    paths = {
        "numpot": tmp_path / "numpot.xml",
        "openvino": tmp_path / "openvino.xml",
        "onnxruntime": tmp_path / "mixed.onnx",
    }
    for runtime, path in paths.items():
        save_model(result.model, path, {"onnxruntime": "onnx"}.get(runtime, runtime))
    accuracy = {runtime: accuracy_in(runtime, path, data) for runtime, path in paths.items()}
    assert accuracy["numpot"] == result.report.values["accuracy@1"]
    for runtime in ("openvino", "onnxruntime"):  # they round halves and residual sums in ways of their own
        assert accuracy[runtime] >= result.report.baseline["accuracy@1"] - 0.005 - 0.001
        assert abs(accuracy[runtime] - accuracy["numpot"]) <= 0.001


def accuracy_in(runtime, path, data, batch=2000):
    """On all images, of the file as the runtime itself reads it."""
    right = 0
    for first in range(0, len(data.test), batch):
        images, labels = data.test[first : first + batch], data.labels[first : first + batch]
        if runtime == "numpot":
            model = read_model(path)
            scores = Executor(model).run({model.inputs[0].name: images}).values()
        else:
            scores = VENDORS[runtime].open(path, {input_of(path): images}, 2)()
        right += int((next(iter(scores)).argmax(axis=1) == labels).sum())
    return right / len(data.test)


def input_of(path):
    return read_model(path).inputs[0].name
