"""The options of `quantize_accuracy_aware` beside those of `quantize`, one declaration each. Names and
defaults are POT's where POT has them.

accuracy_aware/parameters.py adds what the search asks of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from numpot.ir.lowering.arithmetics import Arithmetic, IntegerArithmetic

from .option import option

DropType = Literal["absolute", "relative"]
#: What a group of layers costs in float (accuracy_aware/costs.py).
Cost = Literal["multiply-adds", "bytes", "time"]
#: What a group may get. safe: each channel of the weights as narrow as it must be not to saturate.
Precision = Literal["float", "7-bit", "safe"]


@dataclass(frozen=True)
class SearchOptions:
    """What the search can be told."""

    max_drop: float = option(
        0.01,
        "drop of each metric that is allowed",
        unit="the metric's, or a share",
        least=0,
        flag="--max-drop",
        metavar="D",
        pot="maximal_drop",
    )
    drop_type: DropType = option(
        "absolute", "in the metric's units, or a share of its value", flag="--drop-type", pot="drop_type"
    )
    max_iter_num: int | None = option(
        None,
        "groups of layers to try; all by default",
        unit="groups",
        least=1,
        flag="--max-iterations",
        metavar="N",
        pot="max_iter_num",
    )
    ranking_subset_size: int = option(
        300,
        "samples to rank groups by",
        unit="samples",
        least=1,
        details="Those that rounding hurt most",
        flag="--ranking-subset-size",
        metavar="N",
        pot="ranking_subset_size",
        file_default=None,
    )
    metric_subset_ratio: float = option(
        0.5,
        "share to rank on if baselines are given",
        unit="share of the samples",
        above=0,
        most=1,
        flag="--metric-subset-ratio",
        metavar="R",
        pot="metric_subset_ratio",
    )
    rank_by: Literal["metric", "sqnr"] = option(
        "metric", "the metric, or the noise in the outputs", flag="--rank-by", own_key="rank_by"
    )
    search: Literal["best", "pot"] = option(
        "best", "the best model seen, or POT's steps to the letter", flag="--search", own_key="search"
    )
    cost: Cost = option(
        "multiply-adds",
        "what a layer in float costs: spend the drop where this is lost least",
        details="`time` is measured on this machine",
        flag="--cost",
        own_key="cost",
    )
    precisions: tuple[Precision, ...] = option(
        ("float",),
        "what a group may get: float, or narrower weights: 7-bit, safe (repeatable)",
        details="Narrower weights help where `arithmetic` saturates",
        flag="--precision",
        own_key="precisions",
    )
    use_prev_if_drop_increase: bool = option(
        True,
        "with --search pot: step back or not",
        flag="--use-prev-if-drop-increase/--keep-drop-increase",
        pot="use_prev_if_drop_increase",
    )
    tune_hyperparams: bool = option(
        False,
        "try a grid of range estimators before any layer goes to float",
        flag="--tune-hyperparams",
        pot="tune_hyperparams",
    )
    convert_to_mixed_preset: bool = option(
        False,
        "try preset mixed before any layer goes to float",
        flag="--convert-to-mixed-preset",
        pot="convert_to_mixed_preset",
    )
    baseline: Mapping[str, float] | None = option(
        None,
        "the float model's value, if it is known (repeatable)",
        unit="the metric's",
        flag="--baseline",
        metavar="M=VALUE",
        pot="metrics.baseline_value",
    )


@dataclass(frozen=True)
class MeasuringOptions:
    """How models are measured, where an Evaluator does not do it in a way of its own."""

    annotation_free: bool = option(
        False, "take the float model's answers as labels", flag="--annotation-free", pot="annotation_free"
    )
    annotation_conf_threshold: float = option(
        0.6,
        "least probability of such a label",
        unit="probability",
        least=0,
        most=1,
        flag="--annotation-conf-threshold",
        metavar="P",
        pot="annotation_conf_threshold",
    )
    arithmetic: Arithmetic = option(
        "exact",
        "of the int8 models measured: saturating is that of a CPU without VNNI",
        flag="--arithmetic",
        cli_type=IntegerArithmetic,
        own_key="arithmetic",
        file_type=IntegerArithmetic,
    )
