"""Metrics against their definitions, written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.quant.errors import DataError
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.names import parse_metric
from numpot.quant.metrics.reference import Agreement, Sqnr

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.4], [0.2, 0.2, 0.6], [0.9, 0.8, 0.7]], np.float32)
LABELS = np.array([1, 2, 0, 2])


def updated(metric, outputs, labels):
    metric.update({"y": outputs}, labels)
    return metric


def refusal(call, *args):
    with pytest.raises(DataError) as error:
        call(*args)
    return str(error.value)


# ---- accuracy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "right"), [(1, 1), (2, 3), (3, 4), (10, 4)])
def test_accuracy(k, right):
    assert updated(Accuracy(k), SCORES, LABELS).value == right / 4


@given(
    arrays(np.float32, (6, 5), elements=st.sampled_from([0.0, 0.5, 1.0, -1.0])),
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
)
def test_accuracy_counts_labels_with_fewer_than_k_better_classes(scores, labels):
    """By ranks instead of by sorting; ties are frequent here, and the class that comes first wins them."""
    for k in (1, 2, 4):
        better = [
            sum(s > row[label] for s in row) + sum(s == row[label] for s in row[:label])
            for row, label in zip(scores, labels, strict=True)
        ]
        assert updated(Accuracy(k), scores, labels).value == sum(b < k for b in better) / 6
    assert updated(Accuracy(), scores, labels).value == np.mean(scores.argmax(axis=1) == labels)


@pytest.mark.parametrize("metric", [Accuracy(2), Agreement(), Sqnr()])
def test_batches_add_up_and_reset_forgets(metric):
    rng = np.random.default_rng(0)
    outputs, wanted = rng.normal(size=(50, 7)).astype(np.float32), rng.normal(size=(50, 7)).astype(np.float32)
    labels = rng.integers(0, 7, 50)
    results = set()
    for size in (50, 7, 1):
        metric.reset()
        for first in range(0, 50, size):
            part = slice(first, first + size)
            metric.update(
                {"y": outputs[part]}, {"y": wanted[part]} if metric.needs_reference else labels[part]
            )
        results.add(metric.value)
    assert len(results) == 1 and 0 < abs(results.pop()) < 1000
    metric.reset()
    assert math.isnan(metric.value)


def test_scores_may_have_trailing_ones():
    assert updated(Accuracy(), SCORES.reshape(4, 3, 1, 1), LABELS).value == 0.25


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2, 0, 3], "metric accuracy@1: label 3 is no class of the model, which has 3, numbered from 0."),
        (
            [1, 2, -1, 0],
            "metric accuracy@1: label -1 is no class of the model, which has 3, numbered from 0.",
        ),
        (
            [1.0, 2.0, 0.0, 1.0],
            "metric accuracy@1 needs one integer label per sample, found float64 of shape [4].",
        ),
        (
            [[1], [2], [0], [2]],
            "metric accuracy@1 needs one integer label per sample, found int64 of shape [4, 1].",
        ),
    ],
)
def test_labels_that_are_no_classes(labels, message):
    assert refusal(Accuracy().update, {"y": SCORES}, labels) == message


def test_outputs_that_are_no_scores():
    assert refusal(Accuracy().update, {"a": SCORES, "b": SCORES}, LABELS) == (
        "metric accuracy@1 needs a model with one output, the scores of the classes; this one has 'a', 'b'."
    )
    assert refusal(Agreement().update, {"a": np.zeros((4, 3, 2))}, {"a": np.zeros((4, 3, 2))}) == (
        "metric agreement needs scores of shape [samples, classes], found [4, 3, 2]."
    )


# ---- comparisons with a reference --------------------------------------------------------------------------


def test_agreement_compares_the_largest_scores():
    # outputs may be called differently
    wanted = {"logits": np.array([[0, 1, 0], [0, 1, 0], [0, 0, 9], [3, 1, 2]])}
    assert updated(Agreement(), SCORES, wanted).value == 0.75


def test_sqnr_is_in_decibels_over_all_outputs():
    metric = Sqnr()
    metric.update(
        {"a": np.array([[3.0, 4.0]]), "b": np.array([[1.0]])},
        {"a": np.array([[3.0, 3.9]]), "b": np.array([[1.1]])},
    )
    assert metric.value == pytest.approx(10 * math.log10((3**2 + 3.9**2 + 1.1**2) / (0.1**2 + 0.1**2)))


def test_sqnr_at_its_ends():
    assert updated(Sqnr(), SCORES, {"y": SCORES}).value == math.inf
    assert updated(Sqnr(), SCORES, {"y": np.zeros_like(SCORES)}).value == -math.inf
    assert math.isnan(updated(Sqnr(), np.zeros((1, 2)), {"y": np.zeros((1, 2))}).value)


def test_sqnr_does_not_overflow_in_float32():
    huge = np.full((1, 4), 1e30, np.float32)
    assert updated(Sqnr(), np.float32(1.001) * huge, {"y": huge}).value == pytest.approx(60, abs=0.1)


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["accuracy@1", "accuracy@5", "agreement", "sqnr"])
def test_metrics_by_name(name):
    metric = parse_metric(name)
    assert metric.name == name and metric.higher_better
    assert (metric.needs_labels, metric.needs_reference) == (
        (True, False) if name.startswith("accuracy") else (False, True)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy", "metric 'accuracy' is not known. Did you mean 'accuracy@1'?"),
        ("SNQR", "metric 'SNQR' is not known. Did you mean 'sqnr'?"),
        (
            "top1",
            "metric 'top1' is not known. Known are accuracy@K, agreement, sqnr, "
            "f1, precision, recall, miou, map, rmse, mae, cosine and module:Class.",
        ),
        ("accuracy@0", "metric accuracy@0: expected at least 1 after the @."),
        (
            "fractions:Fraction",
            "metric fractions:Fraction: expected a subclass of numpot.quant.Metric, found Fraction.",
        ),
    ],
)
def test_names_that_are_no_metric(text, message):
    assert refusal(parse_metric, text) == message


def test_a_metric_of_the_users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_error_metric.py").write_text(
        "from numpot.quant import Metric\n"
        "class Worst(Metric):\n"
        "    name, higher_better, value = 'worst', False, 0.0\n"
        "    def update(self, outputs, labels): self.value = max(self.value, abs(outputs['y'] - "
        "labels).max())\n"
        "    def reset(self): self.value = 0.0\n"
    )
    metric = parse_metric("my_error_metric:Worst")
    assert updated(metric, np.array([1.0, 5.0]), np.array([1.0, 2.0])).value == 3
