"""Parameters of the algorithms as a configuration file has them, in POT's shape; config.py reads the file
around them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..defaults import TargetDevice
from ..ranges.parameters import Granularity, Mode, RangePreset
from ..statistics.aggregates import Aggregator
from ..statistics.reductions import Reduction

_ALIASES = {"symmetric": "performance", "asymmetric": "accuracy"}
ConfigPreset = Annotated[
    Literal["performance", "mixed", "accuracy", "best"],
    BeforeValidator(lambda v: _ALIASES.get(v, v) if isinstance(v, str) else v),
]
ConfigModelType = Annotated[
    Literal["transformer"] | None, BeforeValidator(lambda v: None if v in ("None", "") else v)
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class RangeEnd(Strict):
    """One end of a range: what is taken of each sample, and how samples are combined."""

    type: Reduction | None = None
    aggregator: Aggregator | None = None
    outlier_prob: float | None = None
    clipping_value: float | None = None


class RangeEstimator(Strict):
    """How ranges are found: a preset, and what differs from it."""

    preset: RangePreset | None = None
    min: RangeEnd | None = None
    max: RangeEnd | None = None


class Quantizers(Strict):
    """What weights or activations are to be, where it differs from the device's first choice."""

    bits: int | None = None
    mode: Mode | None = None
    granularity: Granularity | None = None
    level_low: int | None = None
    level_high: int | None = None
    range_estimator: RangeEstimator | None = None


class Operation(Strict):
    """Operators of a type, with these attributes if any are given."""

    type: str
    attributes: dict[str, Any] | None = None


class Ignored(Strict):
    """What stays in float: layers by name, operators by type, or all."""

    scope: list[str] = []
    operations: list[Operation] = []
    skip_model: bool = False


class Algorithm(Strict):
    """POT's parameters of DefaultQuantization and its stages. stat_subset_size: None for all samples."""

    preset: ConfigPreset = "performance"
    target_device: TargetDevice = "ANY"
    model_type: ConfigModelType = None
    stat_subset_size: int | None = Field(default=None, ge=1)
    stat_batch_size: int | None = Field(default=None, ge=1)
    shuffle_data: bool = False
    seed: int = 0
    use_fast_bias: bool = True
    use_layerwise_tuning: Literal[False] = False
    threshold: float | None = Field(default=None, gt=0)
    apply_for_all_nodes: bool = False
    saturation_fix: Literal["first_layer", "all", "no", "auto", "auto-strict"] = "first_layer"
    inplace_statistics: bool = True
    dump_intermediate_model: bool = False
    exec_log_dir: str = "."
    ignored: Ignored = Ignored()
    weights: Quantizers | None = None
    activations: Quantizers | None = None
    range_estimator: RangeEstimator | None = None

    def options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize`. samples: how many there are, all of which are used if nothing else
        is said.
        """
        given = self.model_dump(exclude_none=True)
        for name in ("use_layerwise_tuning", "dump_intermediate_model", "exec_log_dir"):
            del given[name]
        ignored = given.pop("ignored")
        given["ignored_scope"], given["ignored_operations"] = ignored["scope"], ignored["operations"]
        return {"stat_subset_size": max(samples, 1), **given}


class NamedMetric(Strict):
    """A metric to keep within its drop. baseline_value: the float model's, if it is known; for all metrics or
    none.
    """

    name: str
    type: str | None = None
    baseline_value: float | None = None


class AccuracyAware(Algorithm):
    """POT's parameters of AccuracyAwareQuantization, and numpot's own from `search` on. metrics: in a file as
    --metric takes them.
    """

    maximal_drop: float = Field(default=0.01, ge=0)
    drop_type: Literal["absolute", "relative"] = "absolute"
    max_iter_num: int | None = Field(default=None, ge=1)
    ranking_subset_size: int | None = Field(default=None, ge=1)
    metric_subset_ratio: float = Field(default=0.5, gt=0, le=1)
    use_prev_if_drop_increase: bool = True
    base_algorithm: Literal["DefaultQuantization"] = "DefaultQuantization"
    annotation_free: bool = False
    annotation_conf_threshold: float = Field(default=0.6, ge=0, le=1)
    tune_hyperparams: bool = False
    convert_to_mixed_preset: bool = False
    metrics: list[NamedMetric] | None = Field(default=None, min_length=1)
    search: Literal["best", "pot"] = "best"
    rank_by: Literal["metric", "sqnr"] = "metric"
    cost: Literal["multiply-adds", "bytes", "time"] = "multiply-adds"
    arithmetic: Literal["exact", "saturating", "saturating-avx512", "saturating-onnxruntime"] = "exact"
    precisions: list[Literal["float", "7-bit", "safe"]] = Field(default=["float"], min_length=1)

    @property
    def metric_names(self) -> list[str]:
        return [m.name for m in self.metrics or ()]

    @property
    def baseline(self) -> dict[str, float] | None:
        """Of all metrics; POT takes none if one is missing."""
        values = {m.name: m.baseline_value for m in self.metrics or () if m.baseline_value is not None}
        return values if values and len(values) == len(self.metrics or ()) else None

    def options(self, samples: int) -> dict[str, Any]:
        given = super().options(samples)
        return {
            name: value
            for name, value in given.items()
            if name in Algorithm.model_fields or name.startswith("ignored_")
        }

    def measuring_options(self) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` for metrics that numpot measures itself."""
        return {
            name: getattr(self, name)
            for name in ("annotation_free", "annotation_conf_threshold", "arithmetic")
        }

    def search_options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` beside those and those of `quantize`."""
        same = (
            "drop_type",
            "max_iter_num",
            "metric_subset_ratio",
            "use_prev_if_drop_increase",
            "tune_hyperparams",
        )
        more = ("convert_to_mixed_preset", "search", "rank_by", "cost", "precisions", "baseline")
        return {
            "max_drop": self.maximal_drop,
            "ranking_subset_size": min(samples, self.ranking_subset_size or 300),
            **{name: getattr(self, name) for name in (*same, *more)},
        }
