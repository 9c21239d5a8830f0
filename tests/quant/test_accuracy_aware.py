"""Accuracy-aware quantization: what it reverts, what it promises, and that a killed run ends the same."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.lowering import integer_layers
from numpot.ir.ops.add import Add
from numpot.ir.xmlbin import write_model
from numpot.quant import pot
from numpot.quant.accuracy_aware import quantize_accuracy_aware
from numpot.quant.data import DataError
from numpot.quant.data_loader import DataLoader
from numpot.quant.default import quantize
from numpot.quant.errors import QuantizationError
from numpot.quant.measurements import AccuracyError
from numpot.quant.metrics import Accuracy, Metric, Sqnr
from numpot.quant.statistics_cache import StatisticsCacheError

from ..networks import Network
from .array_data import ArrayData, normal
from .material import load_data, load_model, needs_material

X = normal(60, 3, 8, 8)


class Labelled(DataLoader):
    def __init__(self, data, labels):
        self._data, self._labels = data, labels

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        return self._data[index], int(self._labels[index])


def network():
    net = Network(seed=3)
    x = net.relu6(net.conv(net.input(-1, 3, 8, 8), 8, 3, stride=2, pad=1, name="stem"))
    y = net.relu6(net.depthwise(net.conv(net.conv(x, 6, name="squeeze"), 16, name="expand"), name="filter"))
    return net.result(net.matmul(net.mean(y), 5, name="head"))


def scores(graph):
    from numpot.ir.executor import Executor

    (found,) = Executor(graph).run({"x": X}).values()
    return found


def centred(graph):
    """The same with a bias that gives every class a like share of the samples, and the labels that it gets all right."""
    head = graph.outputs[0].inputs[0]
    bias = graph.add(Add(), [head, graph.constant(-scores(graph).mean(axis=0, keepdims=True), "head/mean")], "head/bias")
    graph.redirect(head, bias.output, but=[bias])
    return graph, scores(graph).argmax(axis=1)


GRAPH, LABELS = centred(network())
DATA = Labelled(X, LABELS)
FEW_BITS = {"weights": {"bits": 3}}  # loses enough that there is something to give back


def run(drop=0.0, metric=None, data=DATA, **options):
    return quantize_accuracy_aware(GRAPH, data, metric or Accuracy(), max_drop=drop, **{**FEW_BITS, **options})


def bytes_of(graph, folder):
    write_model(graph, folder / "model.xml")
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()


def test_nothing_is_reverted_where_the_drop_is_allowed(tmp_path):
    model, report = run(drop=1.0)
    assert report.reached and not report.float_layers and (report.full, report.partial) == (2, 0)
    whole = quantize(GRAPH, DATA, **FEW_BITS)
    assert [n.name for n in model] == [n.name for n in whole]
    assert all(np.array_equal(a.op.value, b.op.value) for a, b in zip(model, whole, strict=True) if a.type == "Constant")


@pytest.mark.parametrize("search", ["best", "pot"])
def test_the_target_is_reached_and_the_report_is_true(search):
    model, report = run(drop=0.05, search=search)
    assert report.visited[1].drops["accuracy@1"] > 0.05 and report.reached
    made = model.info["quantization"]
    assert set(report.float_layers) and set(report.float_layers) & set(integer_layers(model)) <= set(made["float_layers"])
    from numpot.quant.evaluation import evaluate

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
    assert not any(a.drops["accuracy@1"] <= b.drops["accuracy@1"] and a.float_share < b.float_share for a in fronts for b in fronts)


def test_ranking_by_noise_needs_no_labels_to_rank():
    assert run(drop=0.05, rank_by="sqnr").report.reached


# ---- the journal ---------------------------------------------------------------------------------------------------------------------


def test_a_second_run_measures_nothing(tmp_path):
    first = run(drop=0.05, statistics_cache=tmp_path / "cache")
    again = run(drop=0.05, statistics_cache=tmp_path / "cache")
    assert again.report.replayed == again.report.full + again.report.partial > 2 and first.report.replayed == 0
    assert bytes_of(first.model, tmp_path) == bytes_of(again.model, tmp_path)


def test_any_cut_of_the_journal_resumes_to_the_same_model(tmp_path):
    expected = bytes_of(run(drop=0.05, statistics_cache=tmp_path / "cache").model, tmp_path)
    (journal,) = (tmp_path / "cache").glob("evaluations-*.msgpack")
    whole = journal.read_bytes()
    for cut in np.linspace(0, len(whole), 7, dtype=int):
        journal.write_bytes(whole[:cut])
        assert bytes_of(run(drop=0.05, statistics_cache=tmp_path / "cache").model, tmp_path) == expected
        assert journal.read_bytes() == whole


def test_damage_is_refused(tmp_path):
    run(drop=0.05, statistics_cache=tmp_path)
    (journal,) = tmp_path.glob("evaluations-*.msgpack")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    with pytest.raises(StatisticsCacheError, match="sha256.*Delete the file|is damaged"):
        run(drop=0.05, statistics_cache=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_run_ends_as_if_nothing_had_happened(tmp_path):
    script = (
        "import sys; from pathlib import Path; from tests.quant.test_accuracy_aware import run; from numpot.ir.xmlbin import write_model\n"
        "write_model(run(drop=0.05, statistics_cache=sys.argv[1]).model, Path(sys.argv[2]))"
    )
    expected = bytes_of(run(drop=0.05).model, tmp_path)
    root = Path(__file__).parents[2]
    for delay in np.linspace(0.5, 3, 8):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "cache"), str(tmp_path / "model.xml")], cwd=root)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "cache"), str(tmp_path / "model.xml")], cwd=root, check=True)
    assert ((tmp_path / "model.xml").read_bytes(), (tmp_path / "model.bin").read_bytes()) == expected


# ---- metrics that fail ---------------------------------------------------------------------------------------------------------------


class Failing(Accuracy):
    """Accuracy that goes wrong when it is asked for its value the given time."""

    def __init__(self, good: int, how: str):
        super().__init__()
        self._left, self._how = good, how

    def __deepcopy__(self, memo):
        return Accuracy()

    @property
    def value(self):
        self._left -= 1
        if self._left >= 0:
            return super().value
        if self._how == "nan":
            return float("nan")
        raise RuntimeError("no such file")


@pytest.mark.parametrize(("how", "message"), [("nan", "metric accuracy@1 is NaN"), ("raise", "RuntimeError: no such file")])
def test_a_metric_that_fails_later_leaves_a_good_journal(tmp_path, how, message):
    with pytest.raises((AccuracyError, DataError), match=message):
        run(drop=0.05, metric=Failing(3, how), statistics_cache=tmp_path)
    resumed = run(drop=0.05, metric=Failing(1000, how), statistics_cache=tmp_path).report
    assert resumed.replayed == 2 and resumed.reached  # the float and the int8 model


class NeverWorks(Metric):
    name = "broken"

    def update(self, outputs, labels):
        raise KeyError("scores")

    def reset(self):
        pass

    value = 0.0


def refusal(*args, **options):
    with pytest.raises((QuantizationError, DataError)) as caught:
        run(*args, **options)
    return str(caught.value)


def test_what_is_refused_before_calibration(monkeypatch):
    monkeypatch.setattr("numpot.quant.accuracy_aware.calibrated", lambda *args: pytest.fail("calibrated"))
    assert refusal(metric=NeverWorks()) == "metric broken failed on samples 0 to 0 (KeyError: 'scores')."
    assert refusal(metric=Sqnr()).startswith("metric sqnr of the float model is infinite")
    assert refusal(drop=-1) == "max_drop must be a number of at least 0, found -1"
    assert refusal(drop_type="relativ") == "drop_type must be one of absolute, relative, found 'relativ'"
    assert refusal(presett="mixed") == "parameter 'presett' is not known. Did you mean 'preset'?"
    with pytest.raises(DataError, match="labels: metric accuracy@1 needs labels"):
        quantize_accuracy_aware(GRAPH, ArrayData(X), Accuracy())


# ---- real models ---------------------------------------------------------------------------------------------------------------------


def real(name, drop, **options):
    data = load_data(name)
    calibration = ArrayData(data.calibration)
    return quantize_accuracy_aware(
        load_model(name), Labelled(data.test, data.labels), Accuracy(), calibration_data=calibration, max_drop=drop, **options
    ).report


@needs_material
def test_digits_cnn():
    report = real("digits_cnn", 0.002)
    assert report.reached and len(report.float_layers) <= 3
    pot = real("digits_cnn", 0.002, search="pot")
    order = [v.layers for v in pot.visited if v.what == "revert"]
    assert order == [("/c1/Conv/WithoutBiases",), ("/c3/Conv/WithoutBiases",), ("/fc/Gemm/WithoutBiases",)]  # as POT's log has it


@needs_material
@pytest.mark.slow
def test_fmnist_mobilenet_hard():
    report = real("fmnist_mobilenet_hard", 0.005)
    assert report.reached and len(report.float_layers) <= 8  # POT: 8 layers
    assert report.full <= 2 + 5  # evaluations on all samples: POT's log has as many
    assert report.partial <= 2 * 25  # on a ranking subset: each group once before the search, and at most once more


# ---- the command line, configuration files, POT's interface ----------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model(GRAPH, tmp_path / "net.xml")
    np.savez("data.npz", x=X, y=LABELS)


def numpot(*arguments):
    from typer.testing import CliRunner

    from numpot.quant.cli import app

    return CliRunner().invoke(app, [str(a) for a in arguments])


QUANTIZE = ("quantize", "net.xml", "--data", "data.npz", "-o", "out.xml", "--weights", "bits=3")


def test_command_line(files):
    result = numpot(*QUANTIZE, "--method", "accuracy-aware", "--metric", "accuracy@1", "--max-drop", "0.05")
    assert result.exit_code == 0, result.output
    assert "out.xml: target reached" in result.output and "back in float" in result.output
    report = json.loads(Path("report.json").read_text())
    assert report["reached"] and report["values"] == run(drop=0.05).report.values


def test_a_missed_target_is_status_1_and_the_model_is_saved(files):
    result = numpot(*QUANTIZE, "--method", "accuracy-aware", "--max-drop", "0", "--max-iterations", "1")
    assert result.exit_code == 1 and "NOT reached" in result.output and Path("out.xml").exists()


def test_options_of_the_method_need_it(files):
    result = numpot(*QUANTIZE, "--max-drop", "0.1")
    assert result.exit_code == 2 and "--max-drop is for --method accuracy-aware" in result.output


PARAMS = {"maximal_drop": 0.05, "weights": {"bits": 3}, "metrics": [{"name": "accuracy@1"}]}


def test_configuration_file(files):
    algorithm = {"name": "AccuracyAwareQuantization", "params": PARAMS}
    config = {"model": {"model": "net.xml"}, "engine": {"data_source": "data.npz"}, "compression": {"algorithms": [algorithm]}}
    Path("c.json").write_text(json.dumps(config))
    result = numpot("quantize", "--config", "c.json", "-o", "out.xml")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("report.json").read_text())["values"] == run(drop=0.05).report.values
    algorithm["params"] = {**PARAMS, "maximal_dorp": 1}
    Path("c.json").write_text(json.dumps(config))
    result = numpot("quantize", "--config", "c.json", "-o", "out.xml")
    assert result.exit_code == 2 and "maximal_dorp is not known. Did you mean 'maximal_drop'?" in result.output


class PotLoader(pot.DataLoader):
    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return X[index], int(LABELS[index])


class PotMetric(pot.Metric):
    """Two numbers: accuracy, and the share of errors, which shall be low."""

    def reset(self):
        self._right = []

    def update(self, output, target):
        self._right.append(float(output[0].argmax() == target[0]))

    @property
    def value(self):
        return {"accuracy": [self._right[-1]], "errors": [1 - self._right[-1]]}

    @property
    def avg_value(self):
        return {"accuracy": np.mean(self._right), "errors": 1 - np.mean(self._right)}

    def get_attributes(self):
        return {"accuracy": {"direction": "higher-better", "type": "accuracy"}, "errors": {"direction": "higher-worse", "type": "user"}}


def pot_run(params, metric=None):
    engine = pot.IEEngine({}, PotLoader(), metric or PotMetric())
    return pot.create_pipeline([{"name": "AccuracyAwareQuantization", "params": params}], engine).run(GRAPH)


def test_pot_interface_with_two_metrics():
    model = pot_run({"maximal_drop": 0.05, "weights": {"bits": 3}, "search": "pot"})
    made = model.info["quantization"]
    assert made["algorithm"] == "AccuracyAwareQuantization" and made["accuracy"]["reached"]
    assert set(made["accuracy"]["values"]) == {"accuracy", "errors"}


class Changing(PotMetric):
    @property
    def avg_value(self):
        return {"accuracy": 1.0}


def test_pot_interface_refuses():
    with pytest.raises(DataError, match="the engine has no metric 'accurazy'. Did you mean 'accuracy'"):
        pot_run({"metrics": [{"name": "accurazy"}]})
    with pytest.raises(AccuracyError, match=r"metrics changed: expected values of \['accuracy', 'errors'\], found \['accuracy'\]"):
        pot_run({}, Changing())
    with pytest.raises(QuantizationError, match="tune_hyperparams"):
        pot_run({"tune_hyperparams": True})
