"""Configuration files in POT's shape, checked key by key, and the parameters in them as `quantize` takes them.

Pydantic checks types and gives the JSON schema; errors become one sentence that says where, what was expected, and the nearest known key.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from numpot.ir.ops.registry import nearest

from .aggregates import Aggregator
from .defaults import TargetDevice
from .errors import QuantizationError
from .range_parameters import Granularity, Mode, RangePreset
from .reductions import Reduction

_ALIASES = {"symmetric": "performance", "asymmetric": "accuracy"}
ConfigPreset = Annotated[Literal["performance", "mixed", "accuracy", "best"], BeforeValidator(lambda v: _ALIASES.get(v, v))]
ConfigModelType = Annotated[Literal["transformer"] | None, BeforeValidator(lambda v: None if v in ("None", "") else v)]
M = TypeVar("M", bound=BaseModel)

_ACCURACY_CHECKER = 'accuracy-checker configurations are not supported; give {"type": "simplified", "data_source": ...}'
#: What POT takes and numpot does not, by key.
_REFUSED = {
    "config": _ACCURACY_CHECKER,
    "launchers": _ACCURACY_CHECKER,
    "datasets": _ACCURACY_CHECKER,
    "module": _ACCURACY_CHECKER,
    "cascade": "a cascade of models is not supported; quantize each model by itself",
    "optimizer": "optimizers of hyperparameters are not supported; leave it out",
    "use_layerwise_tuning": "layer-wise tuning trains the model, which numpot does not do; leave it out",
    "central_fraction": "cropping is not supported; crop the pictures beforehand",
}


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
    """A metric to keep within its drop. baseline_value: the float model's, if it is known; for all metrics or none."""

    name: str
    type: str | None = None
    baseline_value: float | None = None


class AccuracyAware(Algorithm):
    """POT's parameters of AccuracyAwareQuantization, and numpot's own from `search` on. metrics: in a file as --metric takes them."""

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
        return {name: value for name, value in given.items() if name in Algorithm.model_fields or name.startswith("ignored_")}

    def annotation_options(self) -> dict[str, Any]:
        return {"annotation_free": self.annotation_free, "annotation_conf_threshold": self.annotation_conf_threshold}

    def search_options(self, samples: int) -> dict[str, Any]:
        """Keyword arguments of `quantize_accuracy_aware` beside those and those of `quantize`."""
        same = ("drop_type", "max_iter_num", "metric_subset_ratio", "use_prev_if_drop_increase", "tune_hyperparams")
        more = ("convert_to_mixed_preset", "search", "rank_by", "cost", "precisions", "baseline")
        return {
            "max_drop": self.maximal_drop,
            "ranking_subset_size": min(samples, self.ranking_subset_size or 300),
            **{name: getattr(self, name) for name in (*same, *more)},
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


_TAGGED: dict[str, type[BaseModel]] = {"DefaultQuantization": NamedDefault, "AccuracyAwareQuantization": NamedAccuracyAware}
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


def read_config(path: Path) -> Config:
    """Raises QuantizationError for a file that is no configuration."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuantizationError(f"{path}: cannot be read as a configuration ({error})") from error
    try:
        given = json.loads(without_comments(text))
    except json.JSONDecodeError as error:
        raise QuantizationError(f"{path}:{error.lineno}: expected JSON, found a fault at column {error.colno}: {error.msg}") from error
    return _validated(Config, given, str(path))


def read_params(given: Mapping[str, Any], where: str, kind: type[Algorithm] = Algorithm) -> Algorithm:
    """Parameters of an algorithm. Raises QuantizationError."""
    return _validated(kind, json_like(given), where)


def without_comments(text: str) -> str:
    """JSON without // and /* */ comments, as POT takes it; line numbers stay."""

    def keep_strings(match: re.Match[str]) -> str:
        token = match.group()
        return token if token.startswith('"') else "\n" * token.count("\n")

    return re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', keep_strings, text, flags=re.DOTALL)


def json_like(value: Any) -> Any:
    """Mappings of any kind as dictionaries, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): json_like(entry) for key, entry in value.items()}
    return [json_like(entry) for entry in value] if isinstance(value, list | tuple) else value


def _validated(kind: type[M], given: Any, where: str) -> M:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise QuantizationError(f"{where}: {_sentence(kind, error)}") from error


def _sentence(kind: type[BaseModel], error: ValidationError) -> str:
    """The first fault; an unknown key before others, because it is often the cause."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    *path, key = fault["loc"]
    place = ".".join(str(part) for part in fault["loc"] if part not in _TAGGED)  # which algorithm it is, pydantic says in between
    if key in _REFUSED:
        return f"{place}: {_REFUSED[key]}"
    if fault["type"] == "extra_forbidden":
        known = _known_keys(kind, path)
        return f"{place} is not known" + (nearest(str(key), known) or f". Known are {', '.join(known)}")
    if fault["type"] == "missing":
        return f"{place} is missing"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}, found {fault['input']!r}"


def _known_keys(kind: type[BaseModel], path: list[Any]) -> list[str]:
    """The fields of the model that a path of keys leads to."""
    for key in path:
        if key in _TAGGED:
            kind = _TAGGED[key]
        elif isinstance(key, str) and key in kind.model_fields:
            found = _model_in(kind.model_fields[key].annotation)
            kind = found or kind
    return list(kind.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in getattr(annotation, "__args__", ()) if (m := _model_in(arg))), None)
