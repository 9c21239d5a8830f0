"""identity: two metrics have the same only if they measure the same, in this process and in the next."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from numpot.quant.accuracy_aware.evaluators.metric_identity import identity
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.confusion import Precision, Recall

ROOT = Path(__file__).parents[4]


class Weighted(Accuracy):
    def __init__(self, weights, **more):
        super().__init__()
        self.weights, self.more = weights, more


def double(x):
    return 2 * x


def everything():
    """A metric that holds one of each kind, and itself."""
    more = {
        "when": (1, 2.5, None),
        "which": {"b", "a"},
        "how": double,
        "kind": Accuracy,
        "inner": Accuracy(3),
        "range": range(3),
    }
    metric = Weighted(np.arange(6.0), **more)
    metric.self = metric
    return metric


def test_what_a_metric_was_made_with_is_part_of_it():
    different = [
        Accuracy(1),
        Accuracy(2),
        Precision(),
        Recall(),
        Weighted(np.ones(3)),
        Weighted(np.zeros(3)),
        Weighted(np.ones((3, 1))),
        Weighted(np.ones(3), inner=Accuracy(1)),
        Weighted(np.ones(3), inner=Accuracy(5)),
        Weighted(np.ones(3), how=double),
        Weighted(np.ones(3), how=lambda x: x),
        everything(),
    ]
    assert len({identity(metric) for metric in different}) == len(different)


def test_equal_metrics_are_equal_in_another_process():
    assert identity(everything()) == identity(everything())
    module = "tests.quant.accuracy_aware.evaluators.test_metric_identity"
    script = f"from {module} import *; print(identity(everything()), end='')"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert found == identity(everything())


def test_what_cannot_be_read_is_never_taken_for_the_same():
    assert identity(Weighted(threading.Lock())) != identity(Weighted(threading.Lock()))
