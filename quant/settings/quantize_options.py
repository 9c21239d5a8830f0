"""The options of `quantize`, one declaration each. Names and defaults are POT's, but for statistics, which
are in place by default here.

parameters.py adds what the algorithm asks of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..defaults import (
    CALIBRATION_BATCH,
    STAT_SUBSET_SIZE,
    ModelType,
    Preset,
    SaturationFix,
    TargetDevice,
)
from .option import option
from .range_options import QuantizerParameters, RangeEstimation, RangePreset


@dataclass(frozen=True)
class QuantizeOptions:
    """What DefaultQuantization can be told."""

    preset: Preset = option(
        "performance",
        "symmetric; asymmetric activations, or weights too; or what was measured to help beyond POT",
        details="With `accuracy`, layers whose weights are asymmetric run in float",
        flag="--preset",
        pot="preset",
        spellings={"symmetric": "performance", "asymmetric": "accuracy"},
    )
    target_device: TargetDevice = option(
        "ANY", "whose table of schemes to use", flag="--target-device", pot="target_device"
    )
    stat_subset_size: int = option(
        STAT_SUBSET_SIZE,
        "samples to calibrate with",
        unit="samples",
        least=1,
        flag="--subset-size",
        metavar="N",
        pot="stat_subset_size",
        file_default=None,
    )
    stat_batch_size: int = option(
        CALIBRATION_BATCH,
        "samples at once; results do not depend on it",
        unit="samples",
        least=1,
        flag="--batch-size",
        metavar="N",
        pot="stat_batch_size",
        file_default=None,
    )
    shuffle_data: bool = option(
        False,
        "take random samples instead of the first",
        details="`seed` decides which",
        flag="--shuffle",
        pot="shuffle_data",
    )
    seed: int = option(0, "seed of --shuffle", least=0, flag="--seed", pot="seed")
    inplace_statistics: bool = option(
        True,
        "keep at most 512 values a channel where medians are wanted",
        details="False keeps a value per sample",
        flag="--inplace-statistics/--no-inplace-statistics",
        pot="inplace_statistics",
    )
    weights: QuantizerParameters = option(
        QuantizerParameters(),
        "how weights are quantized: bits=4, mode=asymmetric, range_estimator.max.type=quantile (repeatable)",
        details="A dictionary of bits, mode, granularity, level_low, level_high and range_estimator; what is "
        "left out follows the preset",
        flag="--weights",
        metavar="KEY=VALUE",
        pot="weights",
    )
    activations: QuantizerParameters = option(
        QuantizerParameters(),
        "likewise, of activations",
        flag="--activations",
        metavar="KEY=VALUE",
        pot="activations",
    )
    range_estimator: RangeEstimation = option(
        RangeEstimation(),
        "for weights and activations, where they do not say otherwise",
        details="A dictionary of preset, min and max, or the preset alone",
        flag="--range-estimator",
        cli_type=RangePreset | None,
        pot="range_estimator",
    )
    model_type: ModelType | None = option(
        None,
        "leave what surrounds a transformer's products in float",
        flag="--model-type",
        pot="model_type",
        spellings={"None": None, "": None},
    )
    use_fast_bias: bool = option(
        True,
        "correct each bias by itself, or layer after layer: slower and better",
        flag="--fast-bias/--no-fast-bias",
        pot="use_fast_bias",
    )
    threshold: float | None = option(
        None,
        "how much a bias may change; by default 2, and 1000 layer after layer; with strict_pot only",
        unit="factor of the bias",
        above=0,
        pot="threshold",
    )
    apply_for_all_nodes: bool = option(
        False, "correct biases of layers whose weights stay in float, too", pot="apply_for_all_nodes"
    )
    saturation_fix: SaturationFix = option(
        "first_layer",
        "which layers get narrower weights; auto: as little as needed",
        details="So that nothing saturates on CPUs without VNNI: `first_layer` and `all` give them 7 bits, "
        "as POT does, for target devices ANY and CPU only; `auto` narrows the layers that clip on the "
        "samples, `auto-strict` all that could, each channel only as far as needed",
        flag="--saturation-fix",
        pot="saturation_fix",
    )
    ignored_scope: Sequence[str] = option(
        (),
        "leave this layer in float (repeatable)",
        flag="--ignore",
        metavar="LAYER",
        pot="ignored.scope",
    )
    ignored_types: Sequence[str] = option(
        (), "leave this operator in float", flag="--ignore-type", metavar="TYPE"
    )
    ignored_operations: Sequence[Mapping[str, Any]] = option(
        (),
        'operators {"type": T, "attributes": {...}} that stay in float',
        pot="ignored.operations",
    )
    align_channels: bool = option(True, "rescale the channels of pairs of layers during calibration")
    equalize_channels: bool = option(
        False,
        "scale channels beforehand so that they share their codes evenly",
        details="Through everything that hands a scale on",
        flag="--equalize-channels",
    )
    correct_biases: bool = option(True, "give biases back the mean that rounding took")
    strict_pot: bool = option(
        True,
        "correct biases by POT's rules, or also those that hold a zero",
        details="POT leaves a layer alone whose bias has a zero in it",
        flag="--strict-pot/--no-strict-pot",
    )
