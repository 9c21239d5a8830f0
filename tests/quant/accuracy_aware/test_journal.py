"""Accuracy-aware runs that end before their time, by a kill or a metric that fails: what was measured is
kept, and nothing else.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from numpot.quant.accuracy_aware.algorithm import quantize_accuracy_aware
from numpot.quant.errors import DataError, QuantizationError
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.metric import Metric
from numpot.quant.metrics.reference import Sqnr
from numpot.quant.statistics.cache import StatisticsCacheError

from ..data.array_data import ArrayData
from .accuracy_models import GRAPH, LABELS, Labelled, X, bytes_of, run

# ---- the journal -------------------------------------------------------------------------------------------


def test_a_second_run_measures_nothing(tmp_path):
    first = run(drop=0.05, statistics_cache=tmp_path / "cache")
    again = run(drop=0.05, statistics_cache=tmp_path / "cache")
    assert (
        again.report.replayed == again.report.full + again.report.partial > 2 and first.report.replayed == 0
    )
    assert bytes_of(first.model, tmp_path) == bytes_of(again.model, tmp_path)


def test_any_cut_of_the_journal_resumes_to_the_same_model(tmp_path):
    expected = bytes_of(run(drop=0.05, statistics_cache=tmp_path / "cache").model, tmp_path)
    (journal,) = (tmp_path / "cache").glob("evaluations-*.msgpack")
    whole = journal.read_bytes()
    for cut in np.linspace(0, len(whole), 5, dtype=int):
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


SCRIPT = """
import os, signal, sys
from pathlib import Path
from numpot.ir.formats.native.model import write_model
from numpot.quant.accuracy_aware.measurements import Measurements
from tests.quant.accuracy_aware.accuracy_models import run
folder, model, last = sys.argv[1:]
measure, left = Measurements._known_or, int(last)
def counted(self, *args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(self, *args)
Measurements._known_or = counted
write_model(run(drop=0.05, statistics_cache=folder).model, Path(model))
"""
needs_kill = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


def started(tmp_path, last=-1):
    """The run in a process of its own, which kills itself at evaluation number `last`."""
    arguments = [
        sys.executable,
        "-c",
        SCRIPT,
        str(tmp_path / "cache"),
        str(tmp_path / "model.xml"),
        str(last),
    ]
    return subprocess.Popen(arguments, cwd=Path(__file__).parents[3])


@needs_kill
def test_a_killed_run_goes_on(tmp_path):
    expected = run(drop=0.05)
    assert started(tmp_path, last=5).wait() == -signal.SIGKILL
    resumed = run(drop=0.05, statistics_cache=tmp_path / "cache")
    assert resumed.report.replayed == 4 and bytes_of(resumed.model, tmp_path) == bytes_of(
        expected.model, tmp_path
    )


@pytest.mark.slow
@needs_kill
def test_a_run_killed_twenty_times_ends_as_if_nothing_had_happened(tmp_path):
    expected = bytes_of(run(drop=0.05).model, tmp_path)
    start = time.perf_counter()
    assert started(tmp_path).wait() == 0
    whole = time.perf_counter() - start
    delays, kills = np.random.default_rng(0), 0
    while kills < 20:
        if (tmp_path / "model.xml").exists():  # it got through: once more from the start
            (tmp_path / "model.xml").unlink()
            for file in (tmp_path / "cache").iterdir():
                file.unlink()
        process = started(tmp_path)
        time.sleep(delays.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert started(tmp_path).wait() == 0
    assert ((tmp_path / "model.xml").read_bytes(), (tmp_path / "model.bin").read_bytes()) == expected


# ---- metrics that fail -------------------------------------------------------------------------------------


def refusal(*args, **options):
    with pytest.raises((QuantizationError, DataError)) as caught:
        run(*args, **options)
    return str(caught.value)


# what a Failing metric does, and after how many good values: it stands for a disk that comes and goes
FAULT: dict = {}


class Failing(Accuracy):
    """Accuracy that goes wrong when FAULT says so."""

    def __deepcopy__(self, memo):
        return Accuracy()

    def reset(self):
        super().reset()
        self.name = "accuracy@1"

    @property
    def value(self):
        FAULT["left"] -= 1
        if FAULT["left"] < 0 and FAULT["how"] == "raise":
            raise RuntimeError("no such file")
        if FAULT["left"] < 0 and FAULT["how"] == "rename":
            self.name = "accuracy"
        return float("nan") if FAULT["left"] < 0 and FAULT["how"] == "nan" else super().value


class Repaired(Failing):
    """The same, with other source."""

    @property
    def value(self):
        return Accuracy.value.fget(self)


FAULTS = [
    (
        "nan",
        "metric accuracy@1 is NaN. It must be a number for every model; repair the metric, then run again",
    ),
    ("raise", "metric accuracy@1 failed in `value` (RuntimeError: no such file)."),
    ("rename", "metrics changed: expected values of ['accuracy@1'], found ['accuracy']"),
]


@pytest.mark.parametrize(("how", "message"), FAULTS)
def test_a_metric_that_fails_later_leaves_a_good_journal(tmp_path, how, message):
    FAULT.update(left=3, how=how)  # the first batch, the float and the int8 model
    assert refusal(0.05, metric=Failing(), statistics_cache=tmp_path) == message
    expected = run(0.05).report
    FAULT.update(left=1000)
    # the same metric, and nothing fails any more
    resumed = run(0.05, metric=Failing(), statistics_cache=tmp_path).report
    assert resumed.replayed == 2 and resumed.values == expected.values
    # another metric: nothing of the old one is trusted
    changed = run(0.05, metric=Repaired(), statistics_cache=tmp_path).report
    assert changed.replayed == 0 and changed.values == expected.values


def test_metrics_made_with_other_arguments_share_nothing(tmp_path):
    run(0.05, metric=Accuracy(1), statistics_cache=tmp_path)
    other = run(0.05, metric=Accuracy(2), statistics_cache=tmp_path).report
    assert other.replayed == 0 and other.values == run(0.05, metric=Accuracy(2)).report.values


class NeverWorks(Metric):
    name = "broken"

    def update(self, outputs, labels):
        raise KeyError("scores")

    def reset(self):
        pass

    value = 0.0


def test_what_is_refused_before_calibration(monkeypatch):
    monkeypatch.setattr("numpot.quant.accuracy_aware.run.run_stages", lambda *args: pytest.fail("calibrated"))
    monkeypatch.setattr(
        "numpot.quant.accuracy_aware.run.Measurements.of_float", lambda *args: pytest.fail("measured")
    )
    assert refusal(metric=NeverWorks()) == "metric broken failed on samples 0 to 0 (KeyError: 'scores')."
    assert refusal(metric=Sqnr()).startswith("metric sqnr of the float model is infinite")
    assert refusal(drop=-1) == "max_drop must be a number of at least 0, found -1.0"
    assert refusal(drop_type="relativ") == "drop_type must be one of absolute, relative, found 'relativ'"
    assert refusal(presett="mixed") == "parameter 'presett' is not known. Did you mean 'preset'?"
    assert refusal(max_dorp=1) == "parameter 'max_dorp' is not known. Did you mean 'max_drop'?"
    with pytest.raises(DataError, match="labels: metric accuracy@1 needs labels"):
        quantize_accuracy_aware(GRAPH, ArrayData(X), Accuracy())
    late = np.array([*LABELS[:-1], 5])
    with pytest.raises(
        DataError,
        match="sample 59: metric accuracy@1: label 5 is no class of the model, which has 5, numbered from 0.",
    ):
        quantize_accuracy_aware(GRAPH, Labelled(X, late), Accuracy())


def test_the_plan_comes_before_the_work(monkeypatch, capsys):
    monkeypatch.setattr("numpot.quant.accuracy_aware.run.run_stages", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(progress=True)
    assert "plan: calibrate, then measure the int8 model on 60 samples, about " in capsys.readouterr().err
