"""Every parameter of the accuracy-aware search does what it says (POT 2023.3, and numpot's own)."""

from typing import get_args

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.lowering.arithmetics import Arithmetic
from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.accuracy_aware.evaluators.evaluator import FloatOutputs, MetricEvaluator
from numpot.quant.accuracy_aware.hyperparameters import tuned
from numpot.quant.accuracy_aware.layer_groups import find_groups, variant, with_precisions
from numpot.quant.accuracy_aware.ranking import Ranking
from numpot.quant.default_quantization import open_samples, quantize, run_stages
from numpot.quant.errors import DataError, QuantizationError
from numpot.quant.layers.weighted_layers import replace_constant
from numpot.quant.metrics.annotation_free import UNLABELLED, probabilities, self_labelled
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.confusion import MeanIoU
from numpot.quant.metrics.evaluate import evaluate
from numpot.quant.metrics.reference import Agreement, Cosine, Sqnr
from numpot.quant.metrics.regression import Rmse
from numpot.quant.parameters import read_parameters

from ...networks import Network
from ..data.array_data import ArrayData
from .accuracy_models import DATA, FEW_BITS, GRAPH, LABELS, Labelled, X, run


def test_a_given_baseline_is_not_measured_and_samples_are_ranked_among_a_share():
    ours, given = run(0.05).report, run(0.05, baseline={"accuracy@1": 1.0}, metric_subset_ratio=0.5).report
    assert given.baseline == {"accuracy@1": 1.0} and given.reached
    # on all samples one less, on some one more: the float model on the half that ranking chooses from
    int8_only = run(1.0, baseline={"accuracy@1": 1.0}).report
    assert (int8_only.full, int8_only.partial) == (1, 0) and run(1.0).report.full == 2
    steps = len(given.visited) - 2 - given.restored
    assert given.full == 1 + steps and ours.reached
    loose = run(0.0, baseline={"accuracy@1": 0.5}).report
    assert loose.reached and not loose.float_layers


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ({"accuracy@2": 1.0}, "baseline: metric 'accuracy@2' is not measured. Did you mean 'accuracy@1'?"),
        ({"accuracy@1": float("nan")}, "baseline['accuracy@1'] must be a finite number, found nan"),
    ],
)
def test_baselines_that_are_refused(baseline, message):
    with pytest.raises(QuantizationError) as caught:
        run(baseline=baseline)
    assert str(caught.value) == message
    with pytest.raises(
        QuantizationError, match="a value of accuracy@2 is missing; give one of every metric, or of none"
    ):
        run(metric=[Accuracy(), Accuracy(2)], baseline={"accuracy@1": 1.0})


def test_several_metrics_all_keep_within():
    report = run(0.03, metric=[Accuracy(1), Accuracy(2), Agreement()]).report
    assert report.reached and set(report.values) == {"accuracy@1", "accuracy@2", "agreement"}
    with pytest.raises(DataError, match="metrics: expected different names, found accuracy@1, accuracy@1"):
        run(metric=[Accuracy(), Accuracy()])


@pytest.mark.parametrize("search", ["best", "pot"])
def test_preset_mixed_is_tried_before_any_layer_goes_to_float(search):
    report = run(0.05, search=search, convert_to_mixed_preset=True).report
    assert [v.what for v in report.visited[:3]] == ["baseline", "int8", "preset mixed"] and report.reached
    mixed = evaluate(quantize(GRAPH, DATA, preset="mixed", **FEW_BITS), DATA, Accuracy()).value
    assert report.visited[2].values["accuracy@1"] == mixed
    assert not any(v.what == "preset mixed" for v in run(1.0, convert_to_mixed_preset=True).report.visited)
    with pytest.raises(QuantizationError, match="goes on from preset performance, found preset 'accuracy'"):
        run(convert_to_mixed_preset=True, preset="accuracy")


def test_tuning_tries_both_spaces_as_pot_does():
    settings, asked = read_parameters(), []

    def measured(candidate):
        asked.append(candidate)
        high = candidate.activations.range_estimator
        good = high and high.max.outlier_prob == 1e-4 and high.min.type == "min"
        return {"m": 0.9 if good else 0.5, "loss": 1.0 - candidate.use_fast_bias / 10}

    best = tuned(settings, measured, {"m": True, "loss": False})
    assert len(asked) == 10 + 2 and asked[0] == settings
    assert len({repr(c.activations.range_estimator) for c in asked[:10]}) == 10
    assert (
        best.activations.range_estimator.max.outlier_prob == 1e-4
        and best.weights.range_estimator.max.type == "max"
    )
    assert best.use_fast_bias  # its loss is lower
    assert asked[-1].activations == best.activations  # the second space starts from the best of the first
    assert tuned(settings, lambda c: {"m": 0.5}, {"m": True}) == settings  # the first of equal ones


def test_tuning_in_a_run():
    report = run(0.0, tune_hyperparams=True, statistics_cache=None).report
    assert report.visited[2].what == "tuned"
    assert (
        report.partial >= 12
        and min(v.drops["accuracy@1"] for v in report.visited[1:]) == report.drops["accuracy@1"]
    )


# ---- annotation_free ---------------------------------------------------------------------------------------


def test_without_annotations_the_float_model_is_right():
    options = {"annotation_free": True, "annotation_conf_threshold": 0, **FEW_BITS}
    report = quantize_accuracy_aware(GRAPH, ArrayData(X), Accuracy(), max_drop=0.05, **options).report
    assert report.baseline == {"accuracy@1": 1.0} and report.reached and report.samples == len(X)
    # the labels of the tests are the float model's answers too
    assert report.values == run(0.05).report.values


def test_samples_that_the_float_model_is_not_sure_of_are_left_out():
    (outputs,) = Executor(GRAPH).run({"x": X}).values()
    sure = np.array([probabilities(row).max() for row in outputs])
    threshold = float(np.median(sure))
    found = self_labelled(ArrayData(X), GRAPH, [Accuracy()], threshold)
    assert len(found) == (sure >= threshold).sum() < len(X)
    assert [found[i][1] for i in range(len(found))] == outputs.argmax(axis=1)[sure >= threshold].tolist()
    with pytest.raises(DataError, match="below 1.5 sure of every sample"):
        self_labelled(ArrayData(X), GRAPH, [Accuracy()], 1.5)
    with pytest.raises(DataError, match="labels of classes or of numbers"):
        self_labelled(ArrayData(X), GRAPH, [Accuracy(), Rmse()], 0)


def test_pixels_and_numbers():
    net = Network()
    graph = net.result(net.conv(net.input(-1, 3, 8, 8), 4))
    pixels = self_labelled(ArrayData(X), graph, [MeanIoU()], 0.6)
    labels = np.stack([pixels[i][1] for i in range(len(pixels))])
    assert labels.shape[1:] == (8, 8) and (labels == UNLABELLED).any() and labels.max() < 4
    assert evaluate(graph, pixels, MeanIoU()).value == 1.0
    numbers = self_labelled(ArrayData(X), graph, [Rmse()], 0.6)
    assert evaluate(graph, numbers, Rmse()).value == 0.0


# ---- ranking, costs, precisions ----------------------------------------------------------------------------


def test_ranking_by_noise_runs_the_float_model_once(monkeypatch):
    runs = []
    original = FloatOutputs.__call__
    monkeypatch.setattr(
        FloatOutputs,
        "__call__",
        lambda self, inputs, numbers: runs.append(self) or original(self, inputs, numbers),
    )
    ranker = MetricEvaluator(Sqnr(), DATA, GRAPH, check_finite=False)
    model = quantize(GRAPH, DATA, **FEW_BITS)
    first = ranker.measure(model)
    monkeypatch.setattr(
        ranker._reference._executor, "run", lambda inputs: pytest.fail("the float model ran again")
    )
    assert (
        ranker.measure(model, [7, 3, 5]).values["sqnr"]
        == evaluate(model, Some([7, 3, 5]), Sqnr(), reference=GRAPH).value
    )
    assert ranker.measure(model).values == first.values


class Some(Labelled):
    def __init__(self, numbers):
        super().__init__(X[numbers], LABELS[numbers])


def test_float_outputs_keep_to_their_room():
    kept = FloatOutputs(GRAPH, room=3 * 5 * 4)  # three samples of five float32
    outputs = kept({"x": X[:8]}, range(8))
    assert len(kept._known) == 3
    assert np.array_equal(kept({"x": X[:2]}, [0, 1])["y"], outputs["y"][:2])


def test_noise_ranks_on_the_samples_that_lost_most(monkeypatch):
    chosen, hardest = [], Ranking.hardest

    def watched(*args):
        chosen.append(hardest(*args))
        return chosen[-1]

    monkeypatch.setattr(Ranking, "hardest", watched)
    assert run(0.05, rank_by="sqnr", ranking_subset_size=10).report.reached
    (outputs,) = Executor(quantize(GRAPH, DATA, **FEW_BITS)).run({"x": X}).values()
    assert set(chosen[0]) <= set(np.flatnonzero(outputs.argmax(axis=1) != LABELS)) and len(chosen[0]) == 10


@pytest.mark.parametrize("cost", ["multiply-adds", "bytes", "time"])
def test_costs(cost, tmp_path):
    model, report = run(0.05, cost=cost, statistics_cache=tmp_path)
    assert report.reached and all(0 <= v.float_share <= 1 for v in report.visited)
    # measured times come from the journal, so the search is the same
    again = run(0.05, cost=cost, statistics_cache=tmp_path)
    assert again.report.visited == report.visited and again.report.replayed > 0


def clipping():
    """A classifier whose second layer clips on a CPU without VNNI: all weights of a channel are large and of
    one sign.
    """
    net = Network(seed=2)
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 16, 3, pad=1, name="stem"))
    graph = net.result(net.matmul(net.mean(net.conv(x, 8, name="heavy")), 5, name="head"))
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 1.0, (8, 16, 1, 1)) * rng.choice([-1, 1], (8, 1, 1, 1))
    replace_constant(graph, graph.nodes["heavy"], 1, weights.astype(np.float32))
    return graph


@pytest.mark.parametrize("precision", ["7-bit", "safe"])
def test_narrower_weights_where_pairs_saturate(precision):
    graph = clipping()
    data = ArrayData(X)
    options = {"saturation_fix": "no", "arithmetic": "saturating", "max_drop": 0.001}
    clipped = quantize_accuracy_aware(graph, data, Cosine(), precisions=(precision, "float"), **options)
    report = clipped.report
    assert report.visited[1].drops["cosine"] > 0.001 and report.reached
    # no layer had to go to float
    assert not report.float_layers and clipped.model.info["quantization"]["narrowed_weights"]
    floats = quantize_accuracy_aware(graph, data, Cosine(), **options).report
    assert floats.float_layers


@pytest.mark.parametrize(("mode", "precision"), [("all", "7-bit"), ("auto-strict", "safe")])
def test_narrowed_models_are_what_saturation_fix_makes(mode, precision):
    graph, settings = clipping(), read_parameters(saturation_fix="no")
    with open_samples(graph, ArrayData(X), settings, None, False) as samples:
        assembly = run_stages(graph, samples, settings)
    groups = with_precisions(find_groups(assembly.quantizers), (precision,), assembly.quantizers)
    narrow, whole = assembly.build(variant(groups)), quantize(graph, ArrayData(X), saturation_fix=mode)
    constants = [[n.op.value for n in model.of_type("Constant")] for model in (narrow, whole)]
    assert all(np.array_equal(a, b) for a, b in zip(*constants, strict=True))


@pytest.mark.parametrize("arithmetic", get_args(Arithmetic))
def test_every_arithmetic_can_be_measured_in(arithmetic):
    report = run(drop=1.0, arithmetic=arithmetic).report
    assert report.reached and not report.float_layers


def test_choices_that_are_refused():
    with pytest.raises(
        QuantizationError, match="precisions: expected some of float, 7-bit, safe, found '6-bit'"
    ):
        run(precisions=("6-bit",))
    with pytest.raises(QuantizationError, match="safe is for symmetric weights with a range per channel"):
        run(precisions=("safe",), preset="accuracy")
    with pytest.raises(
        QuantizationError, match="cost must be one of multiply-adds, bytes, time, found 'energy'"
    ):
        run(cost="energy")
    with pytest.raises(QuantizationError, match="metric_subset_ratio must be above 0 and at most 1, found 0"):
        run(metric_subset_ratio=0)
