"""Calibration: the samples go through the float model once, for everybody who needs a statistic of it.

Ranges and bias corrections first say what they need; those who need the same share it. Channels are aligned
while the samples go by (channels/aligned_statistics.py), so this stage changes the model's weights, too.
"""

from dataclasses import dataclass

from numpot.ir.graph import Graph

from .biases.fast_bias_correction import MeanStatistics
from .biases.stage import LayerMeans, layers_to_correct, output_means
from .channels.aligned_statistics import align_and_collect
from .channels.channel_alignment import find_pairs
from .parameters import Parameters
from .placement.quantizer import Quantizer
from .ranges.activation_ranges import ActivationRange, activation_range
from .statistics.collection import Samples
from .statistics.collector import Collectors


@dataclass(frozen=True)
class Calibration:
    """What the samples said. ranges: of each quantizer of an activation, with its statistics. means: of the
    layers whose bias is to be corrected. aligned: names of the layers that read aligned channels.
    """

    ranges: dict[Quantizer, ActivationRange]
    means: LayerMeans
    aligned: frozenset[str]


def calibrate(
    model: Graph, quantizers: list[Quantizer], samples: Samples, settings: Parameters
) -> Calibration:
    """Run the model over the samples. model: prepared; its channels are aligned in place, if wanted."""
    wanted = Collectors()
    estimation = settings.estimation(is_weight=False)
    ranges = {
        q: activation_range(q, settings.scheme(q), estimation, wanted, settings.budget)
        for q in quantizers
        if not q.is_weight
    }
    layers = layers_to_correct(model, quantizers, settings)
    means = {n.name: MeanStatistics.want(n, wanted) for n in layers} if settings.use_fast_bias else {}
    pairs = find_pairs(model) if settings.align_channels else []
    align_and_collect(model, pairs, samples, wanted.by_tensor)
    fast = {name: statistics.values for name, statistics in means.items()}
    outputs = {} if settings.use_fast_bias else output_means(model, layers, samples)
    return Calibration(ranges, LayerMeans(fast, outputs), frozenset(pair.consumer.name for pair in pairs))
