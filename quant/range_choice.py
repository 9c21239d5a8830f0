"""range_estimator `auto`: for each tensor, the estimator that costs the model least on the samples (eq. S10 in docs/calibration.md).

Each candidate is tried alone: one tensor is quantized, all others stay in float, and the model's outputs are compared with those of the
float model. Beyond POT.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from numpot.ir.graph import Graph, Tensor

from .data import batches, fixed_batch, subset
from .defaults import AUTO_SAMPLES
from .insertion import Quantizer
from .progress import track
from .range_parameters import RangeEnd, RangeEstimation
from .samples import Samples

#: By name, what `auto` chooses from. The first wins a tie.
CANDIDATES: Final = {
    "default": RangeEstimation(),
    "minmax": RangeEstimation(min=RangeEnd(aggregator="min"), max=RangeEnd(aggregator="max")),
    "quantile": RangeEstimation("quantile"),
    "mse": RangeEstimation("mse"),
}


def candidates(asked: RangeEstimation) -> dict[str, RangeEstimation]:
    """The one estimator that is asked for, or those that `auto` chooses from, each with the limits and shares that are asked for."""
    if asked.preset != "auto":
        return {asked.preset: asked}
    return {name: replace(e, min=_like(asked.min, e.min), max=_like(asked.max, e.max)) for name, e in CANDIDATES.items()}


def _like(asked: RangeEnd, end: RangeEnd) -> RangeEnd:
    return replace(asked, type=end.type, aggregator=end.aggregator)


def choose(model: Graph, samples: Samples, trials: Mapping[Quantizer, Mapping[str, Callable[[], Tensor]]]) -> dict[str, str]:
    """The best candidate by the quantizer's name, for those that have several.

    model: edited on the way, and computes the same afterwards. trials: by the candidate's name, a function that puts the quantized tensor
    into the model, for the quantizer's uses to read.
    """
    undecided = {q: named for q, named in trials.items() if len(named) > 1}
    if not undecided:
        return {}
    count = AUTO_SAMPLES - AUTO_SAMPLES % (fixed_batch(model) or 1) or len(samples)
    inputs = [b.inputs for b in batches(subset(samples.loader, count), model, samples.batch_size)]
    reference = _outputs(model, inputs)
    chosen = {}
    with track(len(undecided), "choosing estimators", quiet=not samples.progress) as advance:
        for quantizer, named in undecided.items():
            errors = {name: _error_alone(model, quantizer, insert, inputs, reference) for name, insert in named.items()}
            chosen[quantizer.name] = min(errors, key=lambda name: errors[name])
            advance(1)
    return chosen


def _error_alone(
    model: Graph, quantizer: Quantizer, insert: Callable[[], Tensor], inputs: list[dict[str, np.ndarray]], reference: list[np.ndarray]
) -> float:
    """The share of the outputs' power that becomes error when this tensor alone is quantized, summed over the outputs (eq. S10)."""
    before = set(model.nodes)
    tensor = insert()
    for use in quantizer.uses:
        model.set_input(use.node, use.port, tensor)
    outputs = _outputs(model, inputs)
    for use in quantizer.uses:
        model.set_input(use.node, use.port, quantizer.tensor)
    for name in reversed([name for name in model.nodes if name not in before]):
        model.remove(model.nodes[name])
    return sum(float(np.mean(np.square(y - r)) / (np.mean(np.square(r)) or 1)) for y, r in zip(outputs, reference, strict=True))


def _outputs(model: Graph, inputs: list[dict[str, np.ndarray]]) -> list[np.ndarray]:
    """One float64 array per output, all samples."""
    from numpot.ir.executor import Executor  # numba: imported where it is used

    executor = Executor(model)
    results = [list(executor.run(batch).values()) for batch in inputs]
    return [np.concatenate(output).astype(np.float64) for output in zip(*results, strict=True)]
