"""Configuration files in POT's shape, checked key by key, and the parameters in them as `quantize` takes
them.

Pydantic checks types and gives the JSON schema; errors become one sentence that says where, what was
expected, and the nearest known key.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from numpot.ir.formats.common.regular_file import read_text
from numpot.ir.ops.common.operator import nearest

from ..errors import QuantizationError
from ..settings.quantize_options import QuantizeOptions
from .config_keys import Strict, keys_of
from .config_parameters import AccuracyAware, Algorithm

MOST_SHOWN = 200  # characters of a value in a message
M = TypeVar("M", bound=BaseModel)

_ACCURACY_CHECKER = (
    'accuracy-checker configurations are not supported; give {"type": "simplified", "data_source": ...}'
)
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


class ModelFiles(Strict):
    """The model to quantize. weights: beside the model if not given; other places are not supported."""

    model_name: str | None = None
    model: str
    weights: str | None = None


class SimplifiedEngine(Strict):
    """Samples from files, without a metric. data_source: whatever `numpot quantize --data` takes. mean, std:
    of pixels / 255.
    """

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


_TAGGED: dict[str, type[BaseModel]] = {
    "DefaultQuantization": NamedDefault,
    "AccuracyAwareQuantization": NamedAccuracyAware,
}
NamedAlgorithm = Annotated[NamedDefault | NamedAccuracyAware, Field(discriminator="name")]


_BESIDE = ("target_device", "model_type", "inplace_statistics")


class Compression(keys_of(QuantizeOptions, "Beside", only=_BESIDE)):  # type: ignore[misc] # from declarations
    """What to do. The keys beside `algorithms` hold for all algorithms that do not set them."""

    dump_intermediate_model: bool = False
    algorithms: list[NamedAlgorithm] = Field(min_length=1, max_length=1)


class Config(Strict):
    """A configuration file of `numpot quantize --config`, in POT's shape."""

    model: ModelFiles
    engine: SimplifiedEngine
    compression: Compression

    @property
    def algorithm(self) -> str:
        """Return the name of the algorithm."""
        return self.compression.algorithms[0].name

    @property
    def params(self) -> Algorithm:
        """Return the parameters of the algorithm, with the keys beside it filled in."""
        common = self.compression.model_dump(exclude={"algorithms"}, exclude_unset=True)
        kind = type(self.compression.algorithms[0].params)
        return kind(**{**common, **self.compression.algorithms[0].params.model_dump(exclude_unset=True)})

    def resolved(self) -> dict[str, Any]:
        """The same configuration with every default written out; what is left to the device's choice is left
        out.
        """
        plain = self.model_dump(exclude_none=True)
        plain["compression"] = {
            "algorithms": [{"name": self.algorithm, "params": self.params.model_dump(exclude_none=True)}]
        }
        return plain


def read_config(path: Path) -> Config:
    """Raises QuantizationError for a file that is no configuration."""
    try:
        text = read_text(path)
    except OSError as error:
        raise QuantizationError(f"{path}: cannot be read as a configuration ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QuantizationError(f"{path}: cannot be read as a configuration ({error})") from error
    try:
        given = json.loads(without_comments(text))
    except json.JSONDecodeError as error:
        raise QuantizationError(
            f"{path}:{error.lineno}: expected JSON, found a fault at column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        fault = (
            "brackets inside brackets, too deep to read"
            if isinstance(error, RecursionError)
            else "a number with too many digits"
        )
        raise QuantizationError(f"{path}: expected a configuration, found {fault}") from None
    return _validated(Config, given, str(path))


def read_params(given: Mapping[str, Any], where: str, kind: type[Algorithm] = Algorithm) -> Algorithm:
    """Parameters of an algorithm. Raises QuantizationError."""
    return _validated(kind, json_like(given), where)


def without_comments(text: str) -> str:
    """JSON without // and /* */ comments, as POT takes it; line numbers stay."""

    def keep_strings(match: re.Match[str]) -> str:
        token = match.group()
        return token if token.startswith('"') else "\n" * token.count("\n")

    # A string or comment that does not end goes to the end of the text, so that its many beginnings are not
    # tried one after the other.
    return re.sub(r'"(?:[^"\\]|\\.)*+"?|//[^\n]*|/\*.*?(?:\*/|\Z)', keep_strings, text, flags=re.DOTALL)


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
    if not fault["loc"]:
        return (
            f"expected an object with the keys {', '.join(kind.model_fields)}, found {_brief(fault['input'])}"
        )
    *path, key = fault["loc"]
    # which algorithm it is, pydantic says in between
    place = ".".join(str(part) for part in fault["loc"] if part not in _TAGGED)
    if key in _REFUSED:
        return f"{place}: {_REFUSED[key]}"
    if fault["type"] == "extra_forbidden":
        known = _known_keys(kind, path)
        return f"{place} is not known" + (nearest(str(key), known) or f". Known are {', '.join(known)}")
    if fault["type"] == "missing":
        return f"{place} is missing"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}, found {_brief(fault['input'])}"


def _brief(value: Any) -> str:
    """A value of a file for a message. Python refuses to write whole numbers of more than some thousand
    digits.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__} that is too long to show"
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."


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
