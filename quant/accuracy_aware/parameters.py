"""What the accuracy-aware search can be told, and what can be known to be wrong with it before anything is
measured.
"""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from ..parameters import Parameters
from ..ranges.schemes import weight_scheme
from ..settings.accuracy_aware_options import SearchOptions
from ..settings.option_types import check_words_and_bounds


@dataclass(frozen=True)
class SearchParameters(SearchOptions):
    """The options of the search, and what it asks of them."""

    @property
    def most_groups(self) -> int:
        """That may be tried."""
        return sys.maxsize if self.max_iter_num is None else self.max_iter_num

    def check(self, settings: Parameters, metrics: Iterable[str]) -> None:
        """Raises QuantizationError. metrics: names of those that are to be kept."""
        check_words_and_bounds(self)
        scheme = weight_scheme(settings.preset, settings.weights)
        if "safe" in self.precisions and not (scheme.symmetric and scheme.per_channel):
            raise QuantizationError(
                "precisions: safe is for symmetric weights with a range per channel; use 7-bit, or "
                "preset performance"
            )
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
