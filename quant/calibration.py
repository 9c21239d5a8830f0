"""Calibration: run the float model over the samples, and say what range each activation has and what mean each layer."""

from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph

from .bias_correction import Means, MeanStatistics, correctable
from .insertion import Quantizer, find_quantizers
from .parameters import Parameters
from .range_estimators import Collectors, activation_range
from .ranges import Bounds
from .samples import Samples


@dataclass(frozen=True)
class Calibration:
    """What the samples said, by name: bounds of each activation quantizer, the estimators that `auto` chose, and the means that each bias
    correction needs."""

    bounds: dict[str, Bounds]
    estimators: dict[str, str]
    means: dict[str, Means]
    samples: int


def calibrate(model: Graph, samples: Samples, settings: Parameters) -> Calibration:
    """model: prepared and aligned; left as it is."""
    quantizers = find_quantizers(model, ignored=settings.ignored_scope, ignored_types=settings.ignored_types)
    collectors = Collectors()
    estimation = settings.estimation(is_weight=False)
    ranges = {q: activation_range(q, settings.scheme(q), estimation, collectors, settings.budget) for q in quantizers if not q.is_weight}
    layers = [q.uses[0].node for q in quantizers if q.is_weight]
    means = {n: MeanStatistics(n) for n in correctable(layers)} if settings.use_fast_bias else {}
    for layer, m in means.items():
        m.input = collectors.want(layer.inputs[0], m.input)
        m.output = collectors.want(layer.output.consumers[0].node.output, m.output)
    samples.run(model, collectors.by_tensor, "calibrating")
    bounds = _unify({q: r.bounds() for q, r in ranges.items()})
    return Calibration(
        bounds={q.name: b for q, b in bounds.items()},
        estimators={q.name: r.estimator for q, r in ranges.items()} if estimation.preset == "auto" else {},
        means={n.name: m.values for n, m in means.items()},
        samples=len(samples),
    )


def _unify(bounds: dict[Quantizer, Bounds]) -> dict[Quantizer, Bounds]:
    """Members of a group share the widest bounds among them."""
    return {
        q: (np.min([bounds[m][0] for m in q.group], axis=0), np.max([bounds[m][1] for m in q.group], axis=0)) if len(q.group) > 1 else b
        for q, b in bounds.items()
    }
