"""The accuracy-aware search from the command line, from configuration files, and as POT's algorithm."""

import json
from pathlib import Path

import msgpack
import numpy as np
import pytest

from numpot.ir.formats.native.model import write_model
from numpot.quant import pot
from numpot.quant.accuracy_aware.measurements import AccuracyError
from numpot.quant.errors import DataError, QuantizationError

from ..cli.command_line import invoke as numpot
from .accuracy_models import GRAPH, LABELS, X, run


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model(GRAPH, tmp_path / "net.xml")
    np.savez("data.npz", x=X, y=LABELS)


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


EVERYTHING = {
    "metrics": [{"name": "accuracy@1", "baseline_value": 1.0}, {"name": "agreement", "baseline_value": 1.0}],
    "maximal_drop": 0.05,
    "drop_type": "relative",
    "max_iter_num": 9,
    "ranking_subset_size": 20,
    "annotation_free": True,
    "annotation_conf_threshold": 0.2,
    "metric_subset_ratio": 0.7,
    "use_prev_if_drop_increase": False,
    "tune_hyperparams": True,
    "convert_to_mixed_preset": True,
    "cost": "bytes",
    "precisions": ["7-bit", "float"],
    "rank_by": "sqnr",
    "search": "best",
    "weights": {"bits": 3},
}


def test_every_option_is_in_files_too(files):
    options = """--metric accuracy@1 --metric agreement --baseline accuracy@1=1 --baseline agreement=1.0
        --max-drop 0.05 --drop-type relative --max-iterations 9 --ranking-subset-size 20
        --annotation-free --annotation-conf-threshold 0.2 --metric-subset-ratio 0.7 --tune-hyperparams
        --convert-to-mixed-preset --cost bytes --precision 7-bit --precision float
        --rank-by sqnr --search best --keep-drop-increase"""
    result = numpot(*QUANTIZE, "--method", "accuracy-aware", *options.split())
    assert result.exit_code in (0, 1), result.output
    told = json.loads(Path("report.json").read_text())
    assert [v["what"] for v in told["visited"][:4]] == ["baseline", "int8", "preset mixed", "tuned"]
    algorithm = {"name": "AccuracyAwareQuantization", "params": EVERYTHING}
    config = {
        "model": {"model": "net.xml"},
        "engine": {"data_source": "data.npz"},
        "compression": {"algorithms": [algorithm]},
    }
    Path("c.json").write_text(json.dumps(config))
    assert numpot("quantize", "--config", "c.json", "-o", "out.xml").exit_code == result.exit_code
    read = json.loads(Path("report.json").read_text())
    assert all(read[key] == told[key] for key in read.keys() - {"seconds", "milliseconds"})
    assert msgpack.unpackb(Path("report.msgpack").read_bytes()) == read


def test_a_baseline_that_is_no_number(files):
    result = numpot(*QUANTIZE, "--method", "accuracy-aware", "--baseline", "accuracy@1")
    assert (
        result.exit_code == 2
        and "--baseline must look like accuracy@1=0.92, found 'accuracy@1'" in result.output
    )


PARAMS = {"maximal_drop": 0.05, "weights": {"bits": 3}, "metrics": [{"name": "accuracy@1"}]}


def test_configuration_file(files):
    algorithm = {"name": "AccuracyAwareQuantization", "params": PARAMS}
    config = {
        "model": {"model": "net.xml"},
        "engine": {"data_source": "data.npz"},
        "compression": {"algorithms": [algorithm]},
    }
    Path("c.json").write_text(json.dumps(config))
    result = numpot("quantize", "--config", "c.json", "-o", "out.xml")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("report.json").read_text())["values"] == run(drop=0.05).report.values
    algorithm["params"] = {**PARAMS, "maximal_dorp": 1}
    Path("c.json").write_text(json.dumps(config))
    result = numpot("quantize", "--config", "c.json", "-o", "out.xml")
    assert (
        result.exit_code == 2 and "maximal_dorp is not known. Did you mean 'maximal_drop'?" in result.output
    )


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
        return {
            "accuracy": {"direction": "higher-better", "type": "accuracy"},
            "errors": {"direction": "higher-worse", "type": "user"},
        }


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


class Raising(PotMetric):
    def update(self, output, target):
        raise KeyError("boxes")


def test_pot_interface_finds_a_metric_that_fails_at_once(monkeypatch):
    monkeypatch.setattr("numpot.quant.accuracy_aware.run.Run.result", lambda self: pytest.fail("started"))
    with pytest.raises(DataError, match="metric Raising failed .KeyError: 'boxes'."):
        pot_run({}, Raising())
    with pytest.raises(AccuracyError, match="metrics changed"):
        pot_run({}, Changing())


def test_pot_interface_refuses():
    with pytest.raises(DataError, match="the engine has no metric 'accurazy'. Did you mean 'accuracy'"):
        pot_run({"metrics": [{"name": "accurazy"}]})
    with pytest.raises(
        AccuracyError,
        match=r"metrics changed: expected values of \['accuracy', 'errors'\], found \['accuracy'\]",
    ):
        pot_run({}, Changing())
    with pytest.raises(QuantizationError, match="annotation_free is for metrics of numpot"):
        pot_run({"annotation_free": True})
