"""Calibration: run the float model over the samples, and say what range each activation has and what mean each layer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Tensor

from .bias_correction import Means, MeanStatistics
from .biases import layers_to_correct, output_means
from .insertion import Quantizer
from .parameters import Parameters
from .quantizers import insert_fake_quantize, weight_codes
from .range_choice import candidates, choose
from .range_estimators import ActivationRange, Collectors
from .ranges import Bounds
from .samples import Samples


@dataclass(frozen=True)
class Calibration:
    """What the samples said, by name: bounds of each activation quantizer, the estimator that `auto` chose for a quantizer, and the means
    that the fast bias correction needs of each layer, or the output means that the sequential one does."""

    bounds: dict[str, Bounds]
    chosen: dict[str, str]
    means: dict[str, Means]
    output_means: dict[str, np.ndarray]
    samples: int


def calibrate(model: Graph, samples: Samples, settings: Parameters) -> Calibration:
    """model: prepared and aligned; left as it is."""
    quantizers = settings.quantizers(model)
    collectors = Collectors()
    activations = {q: _ranges(q, settings, collectors) for q in quantizers if not q.is_weight}
    layers = layers_to_correct(model, quantizers, settings)
    means = {n: MeanStatistics(n) for n in layers} if settings.use_fast_bias else {}
    for layer, m in means.items():
        m.input = collectors.want(layer.inputs[0], m.input)
        m.output = collectors.want(layer.output.consumers[0].node.output, m.output)
    samples.run(model, collectors.by_tensor, "calibrating")
    bounds = {q: {name: r.bounds() for name, r in ranges.items()} for q, ranges in activations.items()}
    chosen = _choose(model.copy(), samples, settings, {q.name: b for q, b in bounds.items()})
    single = {q: named[chosen.get(q.name, next(iter(named)))] for q, named in bounds.items()}
    return Calibration(
        bounds={q.name: b for q, b in _unify(single).items()},
        chosen=chosen,
        means={n.name: m.values for n, m in means.items()},
        output_means={} if settings.use_fast_bias else output_means(model, layers, samples),
        samples=len(samples),
    )


def _ranges(quantizer: Quantizer, settings: Parameters, collectors: Collectors) -> dict[str, ActivationRange]:
    """By the name of the estimator: one, or all that `auto` chooses from."""
    return {
        name: ActivationRange(quantizer.tensor, settings.scheme(quantizer), estimation, collectors, settings.budget)
        for name, estimation in candidates(settings.estimation(is_weight=False)).items()
    }


def _choose(model: Graph, samples: Samples, settings: Parameters, bounds: Mapping[str, Mapping[str, Bounds]]) -> dict[str, str]:
    """Where `auto` is asked for, the estimator of each quantizer. model: edited while estimators are tried."""
    quantizers = settings.quantizers(model)
    return choose(model, samples, {q: _trials(model, q, settings, bounds.get(q.name, {})) for q in quantizers})


def _trials(model: Graph, quantizer: Quantizer, settings: Parameters, bounds: Mapping[str, Bounds]) -> dict[str, Callable[[], Tensor]]:
    """By the name of the estimator: how to put the tensor, quantized with its range, into the model."""
    scheme = settings.scheme(quantizer)
    if not quantizer.is_weight:
        return {name: lambda b=b: insert_fake_quantize(model, quantizer, b, scheme.levels) for name, b in bounds.items()}  # type: ignore[misc]
    estimations = candidates(settings.estimation(is_weight=True))
    return {name: lambda e=e: model.constant(weight_codes(quantizer, scheme, e, None).values) for name, e in estimations.items()}  # type: ignore[misc]


def _unify(bounds: dict[Quantizer, Bounds]) -> dict[Quantizer, Bounds]:
    """Members of a group share the widest bounds among them."""
    return {
        q: (np.min([bounds[m][0] for m in q.group], axis=0), np.max([bounds[m][1] for m in q.group], axis=0)) if len(q.group) > 1 else b
        for q, b in bounds.items()
    }
