"""Reading configurations in POT's shape: every fault is one sentence that says where, what was expected, and the nearest known key."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from numpot.ir.ops.registry import nearest

from .config import Algorithm, Config, NamedAccuracyAware, NamedDefault
from .errors import QuantizationError

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
_TAGGED: dict[str, type[BaseModel]] = {"DefaultQuantization": NamedDefault, "AccuracyAwareQuantization": NamedAccuracyAware}


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
