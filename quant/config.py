"""What a configuration in POT's shape may hold, and the parameters in it as `quantize` takes them.

Pydantic checks types and gives the JSON schema; config_reader.py reads files and says what is wrong with them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .aggregates import Aggregator
from .defaults import TargetDevice
from .errors import QuantizationError
from .range_parameters import Granularity, Mode, RangePreset
from .reductions import Reduction

_ALIASES = {"symmetric": "performance", "asymmetric": "accuracy"}
ConfigPreset = Annotated[Literal["performance", "mixed", "accuracy", "best"], BeforeValidator(lambda v: _ALIASES.get(v, v))]
ConfigModelType = Annotated[Literal["transformer"] | None, BeforeValidator(lambda v: None if v in ("None", "") else v)]


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
        """Keyword arguments of `quantize`. samples: how many there are, all of which are used if nothing else is said."""
        given = self.model_dump(exclude_none=True)
        for name in ("use_layerwise_tuning", "dump_intermediate_model", "exec_log_dir"):
            del given[name]
        ignored = given.pop("ignored")
        given["ignored_scope"], given["ignored_operations"] = ignored["scope"], ignored["operations"]
        return {"stat_subset_size": max(samples, 1), **given}


class NamedMetric(Strict):
    """A metric to keep within its drop. numpot measures the baseline itself."""

    name: str


class AccuracyAware(Algorithm):
    """POT's parameters of AccuracyAwareQuantization, and numpot's own `search`, `rank_by`. metrics: in a file one, as --metric takes it."""

    maximal_drop: float = Field(default=0.01, ge=0)
    drop_type: Literal["absolute", "relative"] = "absolute"
    max_iter_num: int | None = Field(default=None, ge=1)
    ranking_subset_size: int | None = Field(default=None, ge=1)
    use_prev_if_drop_increase: bool = True
    base_algorithm: Literal["DefaultQuantization"] = "DefaultQuantization"
    annotation_free: Literal[False] = False
    tune_hyperparams: Literal[False] = False
    convert_to_mixed_preset: Literal[False] = False
    metrics: list[NamedMetric] | None = Field(default=None, min_length=1)
    search: Literal["best", "pot"] = "best"
    rank_by: Literal["metric", "sqnr"] = "metric"

    @property
    def metric_name(self) -> str:
        """The one metric of a file. Raises QuantizationError for several."""
        names = [m.name for m in self.metrics or [NamedMetric(name="accuracy@1")]]
        if len(names) > 1:
            raise QuantizationError(f"metrics: expected one, found {', '.join(names)}; several at once are for numpot.quant.pot")
        return names[0]

    def options(self, samples: int) -> dict[str, Any]:
        given = super().options(samples)
        return {name: value for name, value in given.items() if name in Algorithm.model_fields or name.startswith("ignored_")}

    def search_options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` beside those of `quantize`."""
        return {
            "max_drop": self.maximal_drop,
            "drop_type": self.drop_type,
            "max_iter_num": self.max_iter_num,
            "ranking_subset_size": min(samples, self.ranking_subset_size or 300),
            "use_prev_if_drop_increase": self.use_prev_if_drop_increase,
            "search": self.search,
            "rank_by": self.rank_by,
        }


class ModelFiles(Strict):
    """The model to quantize. weights: beside the model if not given; other places are not supported."""

    model_name: str | None = None
    model: str
    weights: str | None = None


class SimplifiedEngine(Strict):
    """Samples from files, without a metric. data_source: whatever `numpot quantize --data` takes. mean, std: of pixels / 255."""

    type: Literal["simplified"] = "simplified"
    data_source: str
    layout: Literal["NCHW", "CHW"] | None = None
    device: str | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    stat_requests_number: int | None = None
    eval_requests_number: int | None = None


class NamedDefault(Strict):
    name: Literal["DefaultQuantization"]
    params: Algorithm = Algorithm()


class NamedAccuracyAware(Strict):
    name: Literal["AccuracyAwareQuantization"]
    params: AccuracyAware = AccuracyAware()


NamedAlgorithm = Annotated[NamedDefault | NamedAccuracyAware, Field(discriminator="name")]


class Compression(Strict):
    """What to do. The keys beside `algorithms` hold for all algorithms that do not set them."""

    target_device: TargetDevice = "ANY"
    model_type: ConfigModelType = None
    inplace_statistics: bool = True
    dump_intermediate_model: bool = False
    algorithms: list[NamedAlgorithm] = Field(min_length=1, max_length=1)


class Config(Strict):
    """A configuration file of `numpot quantize --config`, in POT's shape."""

    model: ModelFiles
    engine: SimplifiedEngine
    compression: Compression

    @property
    def algorithm(self) -> str:
        """Its name."""
        return self.compression.algorithms[0].name

    @property
    def params(self) -> Algorithm:
        """Of the algorithm, with what stands beside it filled in."""
        common = self.compression.model_dump(exclude={"algorithms"}, exclude_unset=True)
        kind = type(self.compression.algorithms[0].params)
        return kind(**{**common, **self.compression.algorithms[0].params.model_dump(exclude_unset=True)})

    def resolved(self) -> dict[str, Any]:
        """The same configuration with every default written out; what is left to the device's choice is left out."""
        plain = self.model_dump(exclude_none=True)
        plain["compression"] = {"algorithms": [{"name": self.algorithm, "params": self.params.model_dump(exclude_none=True)}]}
        return plain
