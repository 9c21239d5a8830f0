"""Choose which biases to correct, by which algorithm and on which inputs (docs/calibration.md, "Biases")."""

from collections.abc import Mapping, Sequence

import numpy as np

from numpot.ir.graph import Graph, Node

from ..data.sources import batches, fixed_batch, subset
from ..defaults import FAST_BIAS_THRESHOLD, FULL_BIAS_SHARE, FULL_BIAS_THRESHOLD
from ..layers.subgraph import with_batch
from ..layers.weighted_layers import channel_axis, replace_constant, weighted_layers
from ..placement.placement import Quantizer
from ..settings.parameters import Parameters
from ..statistics.collection import Samples
from ..statistics.statistic import Statistic
from .bias_correction import biased_output, correct_in_order
from .fast_bias_correction import Means, correct_bias, correct_rounding, correctable


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


def correct(
    model: Graph,
    weights: Mapping[Quantizer, np.ndarray],
    settings: Parameters,
    means: Mapping[str, Means],
    targets: Mapping[str, np.ndarray],
    samples: Samples,
) -> list[str]:
    """Correct biases in place; returns the names of the layers whose bias was replaced.

    model: its weights still in float. weights: the rounded ones. means: for the fast correction; targets: the
    `output_means` for the other.
    """
    if settings.use_fast_bias:
        return correct_fast(model, weights, settings, means)
    rounded = with_batch(model, 1)
    for q, values in weights.items():
        for use in q.uses:
            replace_constant(rounded, rounded.nodes[use.node.name], use.port, values)
    few = _few(samples, model)
    inputs = [batch.inputs for batch in batches(few.loader, rounded, 1)]
    threshold = (settings.threshold or FULL_BIAS_THRESHOLD) if settings.strict_pot else None
    return correct_in_order(model, rounded, targets, inputs, threshold, progress=samples.progress)


def correct_fast(
    model: Graph, weights: Mapping[Quantizer, np.ndarray], settings: Parameters, means: Mapping[str, Means]
) -> list[str]:
    """Each layer by itself, in place; returns the names of those whose bias was replaced."""
    by_layer = {use.node.name: values for q, values in weights.items() for use in q.uses}
    return [
        name
        for name, known in means.items()
        if _correct_fast(model, model.nodes[name], known, by_layer.get(name), settings)
    ]


def _correct_fast(
    model: Graph, layer: Node, means: Means, weights: np.ndarray | None, settings: Parameters
) -> bool:
    values = layer.inputs[1].constant if weights is None else weights
    assert values is not None
    if settings.strict_pot:
        return correct_bias(model, layer, means, values, settings.threshold or FAST_BIAS_THRESHOLD)
    correct_rounding(model, layer, means, values)
    return True


def _few(samples: Samples, model: Graph) -> Samples:
    """A fifth of the samples, in whole batches if the model fixes them; nothing of them is kept on disk."""
    batch = fixed_batch(model) or 1
    count = max(int(FULL_BIAS_SHARE * len(samples)) // batch, 1) * batch
    return Samples(subset(samples.loader, count), samples.batch_size, samples.progress, None, samples.pool)
