"""Metrics of classes and of numbers: against their definitions, for any batch size, and what they refuse."""

import math

import numpy as np
import pytest

from numpot.quant.errors import DataError
from numpot.quant.metrics.names import parse_metric

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(40, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 40)  # class 3 is never right


def value(name, output, truth, batch=40):
    metric = parse_metric(name)
    for i in range(0, len(output), batch):
        metric.update({"y": output[i : i + batch]}, truth[i : i + batch])
    return metric.value


def per_class(formula):
    predicted = SCORES.argmax(axis=1)
    return np.mean(
        [
            formula(((predicted == c) & (c == LABELS)).sum(), (c == LABELS).sum(), (predicted == c).sum())
            for c in range(4)
        ]
    )


@pytest.mark.parametrize("batch", [1, 7, 40])
def test_classes(batch):
    assert value("precision", SCORES, LABELS, batch) == per_class(
        lambda right, labelled, predicted: right / predicted
    )
    assert value("recall", SCORES, LABELS, batch) == per_class(
        lambda right, labelled, predicted: right / labelled if labelled else 0
    )
    assert value("f1", SCORES, LABELS, batch) == per_class(
        lambda right, labelled, predicted: 2 * right / (labelled + predicted)
    )
    assert value("miou", SCORES, LABELS, batch) == per_class(
        lambda right, labelled, predicted: right / (labelled + predicted - right)
    )


def test_pixels_without_a_label_do_not_count():
    scores = np.zeros((1, 2, 1, 3), np.float32)
    scores[0, 1, 0, 0] = 1  # predicted: 1 0 0
    assert value("miou", scores, np.array([[[1, 0, 255]]])) == 1
    assert value("miou", scores, np.array([[[1, 1, 255]]])) == 0.25  # class 0: 0/1, class 1: 1/2


@pytest.mark.parametrize("batch", [1, 7, 40])
def test_numbers(batch):
    truth = RNG.normal(size=(40, 4))
    difference = SCORES.astype(np.float64) - truth
    assert value("rmse", SCORES, truth, batch) == pytest.approx(math.sqrt(np.square(difference).mean()))
    assert value("mae", SCORES, truth, batch) == pytest.approx(np.abs(difference).mean())
    assert not parse_metric("mae").higher_better


def test_cosine_compares_with_the_reference():
    metric = parse_metric("cosine")
    metric.update(
        {"y": np.array([[1.0, 0], [2, 2], [0, 0], [0, 0]])},
        {"y": np.array([[0, 3.0], [1, 1], [0, 0], [1, 0]])},
    )
    assert metric.value == pytest.approx((0 + 1 + 1 + 0) / 4) and metric.needs_reference


@pytest.mark.parametrize("name", ["f1", "rmse"])
def test_refusals(name):
    with pytest.raises(DataError, match=f"metric {name} needs (integer )?labels of shape"):
        value(name, SCORES, np.zeros((40, 2), np.int64))
    assert math.isnan(parse_metric(name).value)


def test_against_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    predicted, every = SCORES.argmax(axis=1), {"labels": range(4), "average": "macro", "zero_division": 0}
    assert value("precision", SCORES, LABELS) == pytest.approx(
        sklearn.precision_score(LABELS, predicted, **every)
    )
    assert value("recall", SCORES, LABELS) == pytest.approx(sklearn.recall_score(LABELS, predicted, **every))
    assert value("f1", SCORES, LABELS) == pytest.approx(sklearn.f1_score(LABELS, predicted, **every))
    assert value("miou", SCORES, LABELS) == pytest.approx(sklearn.jaccard_score(LABELS, predicted, **every))
    for k in (1, 2, 3):
        expected = sklearn.top_k_accuracy_score(LABELS, SCORES, k=k, labels=range(4))
        assert value(f"accuracy@{k}", SCORES, LABELS) == pytest.approx(expected)
    truth = RNG.normal(size=SCORES.shape)
    assert value("rmse", SCORES, truth) == pytest.approx(math.sqrt(sklearn.mean_squared_error(truth, SCORES)))
    assert value("mae", SCORES, truth) == pytest.approx(sklearn.mean_absolute_error(truth, SCORES))
    cosine, reference = parse_metric("cosine"), truth.astype(np.float32)
    cosine.update({"y": SCORES}, {"y": reference})
    assert cosine.value == pytest.approx(
        sklearn.pairwise.cosine_similarity(SCORES, reference).diagonal().mean()
    )
    sqnr = parse_metric("sqnr")
    sqnr.update({"y": SCORES}, {"y": reference})
    noise = sklearn.mean_squared_error(reference, SCORES) / np.square(reference).mean()
    assert sqnr.value == pytest.approx(-10 * math.log10(noise), rel=1e-5)


@pytest.mark.parametrize("name", ["accuracy@1", "accuracy@3", "precision", "recall", "f1", "miou"])
def test_scores_that_are_nan_are_never_right(name):
    """argmax takes a NaN for the largest score, so that a broken model had the share of class 0."""
    broken = SCORES.copy()
    broken[:, 1] = np.nan
    assert value(name, broken, LABELS) == 0
    half = SCORES.copy()
    half[20:] = np.nan
    if name != "precision":  # which is of what was predicted
        assert 0 < value(name, half, LABELS) < value(name, SCORES, LABELS)


def test_nan_agrees_with_nothing():
    metric, broken = parse_metric("agreement"), np.full((3, 4), np.nan)
    metric.update({"y": broken}, {"y": broken})
    metric.update({"y": np.eye(4)[:3]}, {"y": np.eye(4)[:3]})
    assert metric.value == 0.5
