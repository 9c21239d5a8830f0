"""What the accuracy-aware search can be told, and what can be known to be wrong with it before anything is
measured.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from ..ranges.schemes import weight_scheme
from ..settings.parameters import Parameters
from .costs import COSTS, Cost
from .goal import DropType
from .layer_groups import PRECISIONS, Precision

RANKING_SUBSET_SIZE: Final = 300
METRIC_SUBSET_RATIO: Final = 0.5
MAX_DROP: Final = 0.01
CONFIDENCE: Final = 0.6


@dataclass(frozen=True)
class SearchParameters:
    """As `quantize_accuracy_aware` takes them; names and defaults are POT's where POT has them."""

    max_drop: float = MAX_DROP
    drop_type: DropType = "absolute"
    max_iter_num: int = sys.maxsize
    ranking_subset_size: int = RANKING_SUBSET_SIZE
    metric_subset_ratio: float = METRIC_SUBSET_RATIO
    rank_by: Literal["metric", "sqnr"] = "metric"
    search: Literal["best", "pot"] = "best"
    cost: Cost = "multiply-adds"
    precisions: tuple[Precision, ...] = ("float",)
    use_prev_if_drop_increase: bool = True
    tune_hyperparams: bool = False
    convert_to_mixed_preset: bool = False
    baseline: Mapping[str, float] | None = None

    def check(self, settings: Parameters, metrics: Iterable[str]) -> None:
        """Raises QuantizationError. metrics: names of those that are to be kept."""
        if not 0 <= self.max_drop < math.inf:
            raise QuantizationError(f"max_drop must be a number of at least 0, found {self.max_drop:g}")
        if not 0 < self.metric_subset_ratio <= 1:
            raise QuantizationError(
                f"metric_subset_ratio must be above 0 and at most 1, found {self.metric_subset_ratio}"
            )
        choices = {
            "drop_type": ("absolute", "relative"),
            "rank_by": ("metric", "sqnr"),
            "search": ("best", "pot"),
            "cost": COSTS,
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise QuantizationError(
                    f"{name} must be one of {', '.join(known)}, found {getattr(self, name)!r}"
                )
        for precision in self.precisions:
            if precision not in PRECISIONS:
                raise QuantizationError(
                    f"precisions: expected some of {', '.join(PRECISIONS)}, found {precision!r}"
                )
        scheme = weight_scheme(settings.preset, settings.weights)
        if "safe" in self.precisions and not (scheme.symmetric and scheme.per_channel):
            raise QuantizationError(
                "precisions: safe is for symmetric weights with a range per channel; use 7-bit, or "
                "preset performance"
            )
        for name in ("max_iter_num", "ranking_subset_size"):
            if getattr(self, name) < 1:
                raise QuantizationError(f"{name} must be at least 1, found {getattr(self, name)}")
        self._check_baseline(list(metrics))
        if self.convert_to_mixed_preset and settings.preset != "performance":
            raise QuantizationError(
                f"convert_to_mixed_preset goes on from preset performance, found preset {settings.preset!r}"
            )

    def _check_baseline(self, metrics: list[str]) -> None:
        for name, value in (self.baseline or {}).items():
            if name not in metrics:
                raise QuantizationError(
                    f"baseline: metric {name!r} is not measured"
                    + (nearest(name, metrics) or f"; {', '.join(metrics)} are")
                )
            if not math.isfinite(value):
                raise QuantizationError(f"baseline: the value of {name} must be a number, found {value}")
        if self.baseline and (missing := [name for name in metrics if name not in self.baseline]):
            raise QuantizationError(
                f"baseline: a value of {missing[0]} is missing; give one of every metric, or of none"
            )
