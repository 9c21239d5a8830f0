"""Warn of a float model that guesses: usually its labels are numbered differently, or its samples
preprocessed differently from training.
"""

import math
import warnings
from typing import Final

from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import INTEGER_LAYERS

from ..data.classes import Classes
from .classification import Accuracy
from .metric import Metric

STANDARD_ERRORS: Final = 2  # as far from chance as guessing gets, 19 times of 20
LEAST_SAMPLES: Final = 20  # of fewer nothing can be said


class ChanceWarning(UserWarning):
    """A float model whose accuracy is that of guessing."""


def remark_chance(metric: Metric, value: float, graph: Graph, samples: int, classes: Classes | None) -> None:
    """Warn if this accuracy of a float model is within two standard errors of guessing, or below.

    Guessing k of C classes is right with p = k/C, and its share of n samples has the standard error sqrt(p
    (1-p) / n).
    """
    if (
        not isinstance(metric, Accuracy)
        or samples < LEAST_SAMPLES
        or graph.of_type("FakeQuantize", *INTEGER_LAYERS)
    ):
        return
    count = math.prod(graph.outputs[0].output.shape[1:])
    chance = metric.k / count
    if not chance < 1 or value > chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / samples):
        return
    numbered = f" ({classes.sentence}; --classes FILE gives others)" if classes else ""
    warnings.warn(
        f"{metric.name} of the float model is {value:.4f} on {samples:,} samples, and guessing among "
        f"{count:,} classes gives {chance:.4f}: "
        f"the labels may be numbered differently from the model's outputs{numbered}, or the samples "
        "preprocessed differently from training",
        ChanceWarning,
        stacklevel=3,
    )
