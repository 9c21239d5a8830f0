"""Metrics of somebody's own that break their promises: one sentence that names the metric and what was
expected, with the cause kept.
"""

from typing import Any

import numpy as np
import pytest

from numpot.ir import save_model
from numpot.ir.errors import NumpotError
from numpot.quant import Metric, evaluate, quantize_accuracy_aware
from numpot.quant.data.loader import DataLoader
from numpot.quant.parallel.dask_pool import open_pool

from ...networks import Network
from ..cli.command_line import invoke
from ..data.array_data import normal


class Labelled(DataLoader):
    x = normal(6, 2, 3, 3)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], index % 3


def model():
    net = Network(seed=0)
    return net.result(net.matmul(net.mean(net.relu(net.conv(net.input(-1, 2, 3, 3), 3))), 3))


class Own(Metric):
    """A sound one; subclasses break one thing each."""

    name = "own"
    given: Any = 0.5

    def update(self, outputs, labels):
        pass

    def reset(self):
        pass

    @property
    def value(self):
        return self.given


class NoneValue(Own):
    given = None


class ArrayValue(Own):
    given = np.zeros((2, 3))


class DictValue(Own):
    given = {"accuracy": 0.5}


class TextValue(Own):
    given = "0.5"


class FlagValue(Own):
    given = True


class ComplexValue(Own):
    given = 1j


class MethodValue(Own):
    def value(self):
        return 0.5


class RaisingValue(Own):
    @property
    def value(self):
        raise ZeroDivisionError("no samples")


class RaisingUpdate(Own):
    def update(self, outputs, labels):
        raise KeyError("boxes")


class RaisingReset(Own):
    def reset(self):
        raise ValueError("locked")


class RaisingMerge(Own):
    def merge(self, other):
        raise ValueError("cannot be merged")


class NoName(Own):
    name = None


class NumberAsName(Own):
    name = 3


class RaisingName(Own):
    @property
    def name(self):
        raise RuntimeError("not yet")


class NeedsCopy(Own):
    """Cannot be copied, which a metric that merges is for each piece of the data."""

    def merge(self, other):
        pass

    def __deepcopy__(self, memo):
        raise TypeError("cannot pickle a handle")


EXPECTED = {
    NoneValue: (None, r"metric own must have one number as its `value`, found None\."),
    ArrayValue: (None, r"metric own must have one number as its `value`, found an array of shape \[2, 3\]\."),
    DictValue: (None, r"metric own must have one number as its `value`, found {'accuracy': 0.5}\."),
    TextValue: (None, r"metric own must have one number as its `value`, found '0.5'\."),
    FlagValue: (None, r"metric own must have one number as its `value`, found True\."),
    ComplexValue: (None, r"metric own must have one number as its `value`, found 1j\."),
    MethodValue: (
        None,
        r"metric own must have one number as its `value`, found <bound method .*put @property above it\.",
    ),
    RaisingValue: (ZeroDivisionError, r"metric own failed in `value` \(ZeroDivisionError: no samples\)\."),
    RaisingUpdate: (KeyError, r"metric own failed.* \(KeyError: 'boxes'\)\."),
    RaisingReset: (ValueError, r"metric own failed.* \(ValueError: locked\)\."),
    RaisingMerge: (ValueError, r"metric own failed.* \(ValueError: cannot be merged\)\."),
    NeedsCopy: (TypeError, r"metric own failed.* \(TypeError: cannot pickle a handle\)\."),
    NoName: (
        None,
        r"metric NoName must have an attribute `name` that is text, as reports show it; found none\.",
    ),
    NumberAsName: (
        None,
        r"metric NumberAsName must have an attribute `name` that is text, as reports show it; found 3\.",
    ),
    RaisingName: (RuntimeError, r"metric RaisingName: its name cannot be read \(RuntimeError: not yet\)\."),
}
USES = {
    "evaluate": lambda metric: evaluate(model(), Labelled(), metric),
    "accuracy-aware": lambda metric: quantize_accuracy_aware(model(), Labelled(), metric),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("broken", EXPECTED, ids=lambda cls: cls.__name__)
def test_a_broken_metric_is_one_sentence(broken: type[Own], use: str) -> None:
    cause, message = EXPECTED[broken]
    with pytest.raises(NumpotError, match=message) as refused:
        USES[use](broken())
    assert type(refused.value.__cause__) is (type(None) if cause is None else cause)


@pytest.mark.parametrize(
    "given",
    [np.float32(0.5), np.array(0.5), np.array([0.5]), np.array([[0.5]]), np.int64(1), 1, 0.5],
    ids=repr,
)
def test_an_array_of_one_number_is_a_number(given: Any) -> None:
    metric = Own()
    metric.given = given
    result = evaluate(model(), Labelled(), metric).value
    assert type(result) is float and result == float(np.asarray(given).reshape(()))


MODULE = """
from numpot.quant import Metric

class Broken(Metric):
    {name}
    def update(self, outputs, labels):
        {update}
    def reset(self):
        pass
    @property
    def value(self):
        return {value}
"""


@pytest.mark.parametrize(
    ("name", "update", "value", "message"),
    [
        ("name = 'mine'", "pass", "None", "metric mine must have one number as its `value`, found None."),
        ("name = 'mine'", "raise KeyError(3)", "1", "metric mine failed on samples 0 to 5 (KeyError: 3)."),
        (
            "",
            "pass",
            "1",
            "metric Broken must have an attribute `name` that is text, as reports show it; found none.",
        ),
    ],
)
def test_on_the_command_line(name, update, value, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(model(), "model.xml")
    np.savez("data.npz", x=Labelled.x, y=np.arange(6) % 3)
    module = f"broken_{len(message)}"
    (tmp_path / f"{module}.py").write_text(MODULE.format(name=name, update=update, value=value))
    outcome = invoke("evaluate", "model.xml", "--data", "data.npz", "--metric", f"{module}:Broken")
    assert (
        outcome.exit_code == 2
        and outcome.stderr.splitlines()[-1] == f"numpot: {message}"
        and "Traceback" not in outcome.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize("broken", [RaisingMerge, NoneValue, RaisingUpdate], ids=lambda cls: cls.__name__)
def test_with_workers(broken: type[Own]) -> None:
    pytest.importorskip("distributed")
    with open_pool(workers=1) as pool, pytest.raises(NumpotError, match=EXPECTED[broken][1]):
        evaluate(model(), Labelled(), broken(), pool=pool)
