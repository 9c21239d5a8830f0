"""Choose which biases to correct, by which algorithm and on which inputs (docs/calibration.md, "Biases")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Node

from ..data.sources import batches, fixed_batch, subset
from ..defaults import FAST_BIAS_THRESHOLD, FULL_BIAS_SHARE, FULL_BIAS_THRESHOLD
from ..layers.subgraph import with_batch
from ..layers.weighted_layers import biased_output, channel_axis, replace_constant, weighted_layers
from ..parameters import Parameters
from ..placement.quantizer import Quantizer
from ..statistics.collection import Samples
from ..statistics.statistic import Statistic
from .bias_correction import correct_in_order
from .fast_bias_correction import Means, correct_bias, correct_rounding, correctable


@dataclass(frozen=True)
class LayerMeans:
    """Means of the float model over the samples, by name of the layer. fast: what FastBiasCorrection needs.
    outputs: (C,) float32, the mean of each channel of the biased output, which BiasCorrection needs. Only one
    of the two is filled, by `use_fast_bias`.
    """

    fast: Mapping[str, Means]
    outputs: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class CorrectedBiases:
    """model: the float model with its new biases. layers: names of those whose bias was replaced. means: that
    FastBiasCorrection used, to correct a layer again whose weights become others; empty after BiasCorrection.
    """

    model: Graph
    layers: Sequence[str]
    means: Mapping[str, Means]


def layers_to_correct(model: Graph, quantizers: Sequence[Quantizer], settings: Parameters) -> list[Node]:
    """Layers with quantized weights, or all with weights, that have a bias."""
    if not settings.correct_biases:
        return []
    if settings.apply_for_all_nodes:
        return correctable(weighted_layers(model))
    return correctable(dict.fromkeys(use.node for q in quantizers if q.is_weight for use in q.uses))


def output_means(model: Graph, layers: Sequence[Node], samples: Samples) -> dict[str, np.ndarray]:
    """For the correction layer after layer: name -> (C,), the mean over the few samples of each channel of
    the biased output.
    """
    wanted = {layer: Statistic("mean", "mean", channel_axis(layer)) for layer in layers}
    _few(samples, model).run(
        model, {biased_output(layer): [statistic] for layer, statistic in wanted.items()}, "mean outputs"
    )
    return {layer.name: statistic.value for layer, statistic in wanted.items()}


def correct_biases(
    model: Graph,
    weights: Mapping[Quantizer, np.ndarray],
    means: LayerMeans,
    samples: Samples,
    settings: Parameters,
) -> CorrectedBiases:
    """Correct the biases in a copy of the model.

    model: its weights still in float. weights: the rounded ones, as the correction is to see them. means: of
    the layers to correct.
    """
    corrected = model.copy()
    if settings.use_fast_bias:
        layers = correct_fast(corrected, weights, means.fast, settings)
    else:
        layers = _correct_in_order(corrected, weights, means.outputs, samples, settings)
    return CorrectedBiases(corrected, layers, means.fast)


def correct_fast(
    model: Graph, weights: Mapping[Quantizer, np.ndarray], means: Mapping[str, Means], settings: Parameters
) -> list[str]:
    """Correct each layer by itself, in place; returns the names of those whose bias was replaced."""
    by_layer = {use.node.name: values for q, values in weights.items() for use in q.uses}
    return [
        name
        for name, known in means.items()
        if _correct_layer(model, model.nodes[name], known, by_layer.get(name), settings)
    ]


def _correct_layer(
    model: Graph, layer: Node, means: Means, weights: np.ndarray | None, settings: Parameters
) -> bool:
    values = layer.inputs[1].constant if weights is None else weights
    assert values is not None
    if settings.strict_pot:
        return correct_bias(model, layer, means, values, settings.threshold or FAST_BIAS_THRESHOLD)
    correct_rounding(model, layer, means, values)
    return True


def _correct_in_order(
    model: Graph,
    weights: Mapping[Quantizer, np.ndarray],
    means: Mapping[str, np.ndarray],
    samples: Samples,
    settings: Parameters,
) -> list[str]:
    """Correct layer after layer, in place; returns the names of those whose bias was replaced."""
    rounded = with_batch(model, 1)
    for q, values in weights.items():
        for use in q.uses:
            replace_constant(rounded, rounded.nodes[use.node.name], use.port, values)
    few = _few(samples, model)
    inputs = [batch.inputs for batch in batches(few.loader, rounded, 1)]
    threshold = (settings.threshold or FULL_BIAS_THRESHOLD) if settings.strict_pot else None
    return correct_in_order(model, rounded, means, inputs, threshold, progress=samples.progress)


def _few(samples: Samples, model: Graph) -> Samples:
    """A fifth of the samples, in whole batches if the model fixes them; nothing of them is kept on disk."""
    batch = fixed_batch(model) or 1
    count = max(int(FULL_BIAS_SHARE * len(samples)) // batch, 1) * batch
    return Samples(subset(samples.loader, count), samples.batch_size, samples.progress, None, samples.pool)
