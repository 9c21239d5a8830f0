"""Calibration: run the float model over the samples, and say what range each activation has and what mean
each layer.
"""

from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph

from .biases.fast_bias_correction import Means, MeanStatistics
from .biases.stage import layers_to_correct, output_means
from .channels.aligned_statistics import align_and_collect
from .channels.channel_alignment import Pair
from .placement.placement import Quantizer
from .ranges.activation_ranges import Collectors, activation_range
from .ranges.bounds import Bounds
from .settings.parameters import Parameters
from .statistics.collection import Samples


@dataclass(frozen=True)
class Calibration:
    """What the samples said, by name: bounds of each activation quantizer, the estimators that `auto` chose,
    and the means that the fast bias correction needs of each layer, or the output means that the sequential
    one does."""

    bounds: dict[str, Bounds]
    estimators: dict[str, str]
    means: dict[str, Means]
    output_means: dict[str, np.ndarray]
    samples: int


def calibrate(model: Graph, pairs: list[Pair], samples: Samples, settings: Parameters) -> Calibration:
    """model: prepared; aligned in place, otherwise left as it is. pairs: of its layers, to be aligned."""
    quantizers = settings.quantizers(model)
    collectors = Collectors()
    estimation = settings.estimation(is_weight=False)
    ranges = {
        q: activation_range(q, settings.scheme(q), estimation, collectors, settings.budget)
        for q in quantizers
        if not q.is_weight
    }
    layers = layers_to_correct(model, quantizers, settings)
    means = {n: MeanStatistics(n) for n in layers} if settings.use_fast_bias else {}
    for layer, m in means.items():
        m.input = collectors.want(layer.inputs[0], m.input)
        m.output = collectors.want(layer.output.consumers[0].node.output, m.output)
    align_and_collect(model, pairs, samples, collectors.by_tensor)
    bounds = _unify({q: r.bounds() for q, r in ranges.items()})
    return Calibration(
        bounds={q.name: b for q, b in bounds.items()},
        estimators={q.name: r.estimator for q, r in ranges.items()} if estimation.preset == "auto" else {},
        means={n.name: m.values for n, m in means.items()},
        output_means={} if settings.use_fast_bias else output_means(model, layers, samples),
        samples=len(samples),
    )


def _unify(bounds: dict[Quantizer, Bounds]) -> dict[Quantizer, Bounds]:
    """Members of a group share the widest bounds among them."""
    return {
        q: (np.min([bounds[m][0] for m in q.group], axis=0), np.max([bounds[m][1] for m in q.group], axis=0))
        if len(q.group) > 1
        else b
        for q, b in bounds.items()
    }
