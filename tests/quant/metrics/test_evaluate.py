"""evaluate: the number it gives, and what it refuses before it runs anything."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest

from numpot.ir import save_model
from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph
from numpot.ir.ops.clamp import Clamp
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result
from numpot.quant.data.sources import open_data
from numpot.quant.errors import DataError
from numpot.quant.metrics import evaluate as evaluation
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.evaluate import evaluate
from numpot.quant.metrics.not_finite import NotFiniteWarning
from numpot.quant.metrics.reference import Agreement, Sqnr

from ...networks import Network
from ..cli.command_line import invoke

# labels are random here
pytestmark = pytest.mark.filterwarnings("ignore::numpot.quant.metrics.chance.ChanceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = RNG.integers(0, 6, 50)


def clamped(low, high):
    """A model whose scores are its input, kept within [low, high]."""
    graph = Graph("clamped")
    x = graph.add(Parameter(element_type=F32, shape=(-1, 6)), name="x")
    graph.add(Result(), [graph.add(Clamp(min=low, max=high), [x.output]).output], name="scores")
    return graph


MODEL, COARSE = clamped(-10.0, 10.0), clamped(-0.3, 0.3)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=X, y=Y)
    return open_data("data.npz", MODEL)


def refusal(*args, **options):
    with pytest.raises(DataError) as error:
        evaluate(*args, **options)
    return str(error.value)


def test_accuracy_of_a_model(data):
    result = evaluate(MODEL, data, Accuracy())
    assert result.value == np.mean(X.argmax(axis=1) == Y)
    assert (result.metric, result.samples, result.arithmetic) == (
        "accuracy@1",
        50,
        "exact",
    ) and result.seconds > 0


def test_a_limit_takes_the_first_samples(data):
    result = evaluate(MODEL, data, Accuracy(2), limit=20, batch_size=8)
    hits = [label in np.argsort(-row)[:2] for row, label in zip(X[:20], Y, strict=False)]
    assert (result.value, result.samples) == (np.mean(hits), 20)
    assert evaluate(MODEL, data, Accuracy(), limit=1000).samples == 50


def test_comparison_with_a_reference(data):
    clipped = np.clip(X, np.float32(-0.3), np.float32(0.3))
    agreement = evaluate(COARSE, data, Agreement(), reference=MODEL)
    assert agreement.value == np.mean(clipped.argmax(axis=1) == X.argmax(axis=1)) < 1
    expected = 10 * np.log10(
        np.square(X, dtype=np.float64).sum() / np.square(X.astype(np.float64) - clipped).sum()
    )
    assert evaluate(COARSE, data, Sqnr(), reference=MODEL).value == pytest.approx(expected)


@pytest.mark.parametrize("metric", [Accuracy(2), Agreement(), Sqnr()])
def test_the_value_does_not_depend_on_the_batch_size(data, metric):
    assert len({evaluate(COARSE, data, metric, reference=MODEL, batch_size=n).value for n in (1, 7, 50)}) == 1


def test_a_metric_may_be_used_again(data):
    metric = Accuracy()
    assert evaluate(MODEL, data, metric).value == evaluate(MODEL, data, metric).value


def test_progress_is_silent_unless_wanted(data, capsys):
    evaluate(MODEL, data, Accuracy())
    assert capsys.readouterr() == ("", "")
    evaluate(MODEL, data, Accuracy(), progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines()[-1].startswith("measuring accuracy@1: 100 % (50 of 50)")


# ---- refusals ----------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_runs(monkeypatch):
    def fail(*args):
        raise AssertionError("refuse before the model is compiled")

    monkeypatch.setattr(evaluation, "compiled", fail)


def test_missing_labels(nothing_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=X)
    assert refusal(MODEL, open_data("data.npz", MODEL), Accuracy()) == (
        "labels: metric accuracy@1 needs labels, and data.npz has no array 'y'. "
        "Add one, or use --metric agreement with --reference, the float model."
    )


def test_missing_reference(nothing_runs, data):
    assert (
        refusal(MODEL, data, Sqnr())
        == "metric sqnr compares with a reference model, usually the float one, and none was given."
    )


def test_data_for_another_model(nothing_runs, data):
    other = Graph("other")
    other.add(Parameter(element_type=F32, shape=(-1, 7)), name="x")
    assert refusal(other, data, Accuracy()) == (
        "data.npz: sample 0 of input 'x' must have shape [7], as the model has, found [6]."
    )


def renamed(graph: Graph, name: str) -> Graph:
    twin = graph.copy()
    twin.rename(twin.outputs[0], name)
    return twin


@pytest.mark.parametrize("metric", [Sqnr(), Agreement()])
def test_a_reference_may_call_its_output_otherwise(data, metric):
    expected = evaluate(COARSE, data, metric, reference=MODEL).value
    assert evaluate(COARSE, data, metric, reference=renamed(MODEL, "logits")).value == expected


def test_a_reference_with_more_outputs_is_refused(data):
    two = MODEL.copy()
    two.add(Result(), [two.outputs[0].inputs[0]], name="again")
    with pytest.raises(
        DataError, match="the reference must have the model's outputs, scores; it has scores, again"
    ):
        evaluate(MODEL, data, Sqnr(), reference=two)


# ---- outputs that are no numbers ---------------------------------------------------------------------------


def divided() -> Graph:
    """scores = x / relu(x): 1 where x is positive, -inf where it is negative, NaN where it is 0."""
    net = Network()
    x = net.input(-1, 6)
    return net.result(net.do("Divide", x, net.do("ReLU", x)), "scores")


BROKEN = np.array(
    [[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [-1, 1, 1, 1, 1, 1], [0, -1, -1, 1, 1, 1]], np.float32
)
COUNTS = {
    "samples": 4,
    "numbers": 24,
    "nan_samples": 2,
    "nan_numbers": 3,
    "infinite_samples": 2,
    "infinite_numbers": 3,
}
SENTENCE = "are NaN for 2 of 4 samples (3 of 24 numbers) and infinite for 2 of 4 samples (3 of 24 numbers)"


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_outputs_that_are_no_numbers_are_counted_and_warned_of(tmp_path, batch_size):
    np.savez(tmp_path / "broken.npz", x=BROKEN, y=np.zeros(4, np.int64))
    with pytest.warns(NotFiniteWarning, match=re.escape(SENTENCE)):
        result = evaluate(divided(), tmp_path / "broken.npz", "accuracy@1", batch_size=batch_size)
    assert asdict(result.not_finite) == COUNTS
    assert result.value == 0.25  # samples with a NaN are never right, nor is the one whose label has -inf


def test_finite_outputs_warn_of_nothing(data, recwarn):
    result = evaluate(MODEL, data, Accuracy())
    assert not result.not_finite and result.not_finite.samples == 50
    assert not [w for w in recwarn.list if w.category is NotFiniteWarning]


def test_outputs_that_are_no_numbers_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(divided(), "broken.xml")
    np.savez("broken.npz", x=BROKEN, y=np.zeros(4, np.int64))
    outcome = invoke("evaluate", "broken.xml", "--data", "broken.npz", "--json")
    assert json.loads(outcome.stdout)["not_finite"] == COUNTS
    assert outcome.stderr.splitlines() == [f"numpot: warning: outputs of model 'network' {SENTENCE}"]
    again = invoke("evaluate", "broken.xml", "--data", "broken.npz")
    assert (
        "warning: outputs of model 'network' are NaN" in again.stderr and "accuracy@1 0.2500" in again.stdout
    )
