"""Parameters of the algorithms as a configuration file has them, in POT's shape; config.py reads the file
around them.
"""

from typing import Any, Literal

from pydantic import Field

from ..settings.accuracy_aware_options import MeasuringOptions, SearchOptions
from ..settings.option import declared
from ..settings.quantize_options import QuantizeOptions
from .config_keys import Strict, keys_of, read_keys


class Operation(Strict):
    """Operators of a type, with these attributes if any are given."""

    type: str
    attributes: dict[str, Any] | None = None


class Ignored(Strict):
    """What stays in float: layers by name, operators by type, or all."""

    scope: list[str] = []
    operations: list[Operation] = []
    skip_model: bool = False


class Algorithm(keys_of(QuantizeOptions, "Algorithm")):  # type: ignore[misc] # made from the declarations
    """POT's parameters of DefaultQuantization and its stages. stat_subset_size: None for all samples."""

    use_layerwise_tuning: Literal[False] = False
    dump_intermediate_model: bool = False
    exec_log_dir: str = "."
    ignored: Ignored = Ignored()

    def options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize`. samples: how many there are, all of which are used if nothing else
        is said.
        """
        given = self.model_dump(exclude_none=True)
        ignored = given["ignored"]
        return {
            "stat_subset_size": max(samples, 1),
            **read_keys(QuantizeOptions, given),
            "ignored_scope": ignored["scope"],
            "ignored_operations": ignored["operations"],
        }


class NamedMetric(Strict):
    """A metric to keep within its drop. baseline_value: the float model's, if it is known; for all metrics or
    none.
    """

    name: str
    type: str | None = None
    baseline_value: float | None = None


_Searched = keys_of(SearchOptions, "Searched", base=Algorithm)


class AccuracyAware(keys_of(MeasuringOptions, "Measured", base=_Searched)):  # type: ignore[misc] # likewise
    """POT's parameters of AccuracyAwareQuantization, and numpot's own from `search` on. metrics: in a file as
    --metric takes them.
    """

    base_algorithm: Literal["DefaultQuantization"] = "DefaultQuantization"
    metrics: list[NamedMetric] | None = Field(default=None, min_length=1)

    @property
    def metric_names(self) -> list[str]:
        return [m.name for m in self.metrics or ()]

    @property
    def baseline(self) -> dict[str, float] | None:
        """Return the baselines of all metrics; POT accepts none if one is missing."""
        values = {m.name: m.baseline_value for m in self.metrics or () if m.baseline_value is not None}
        return values if values and len(values) == len(self.metrics or ()) else None

    def measuring_options(self) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` for metrics that numpot measures itself."""
        return read_keys(MeasuringOptions, self.model_dump())

    def search_options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` beside those and those of `quantize`."""
        size = min(
            samples, self.ranking_subset_size or declared(SearchOptions)["ranking_subset_size"].default
        )
        return {
            **read_keys(SearchOptions, self.model_dump()),
            "ranking_subset_size": size,
            "baseline": self.baseline,
        }
