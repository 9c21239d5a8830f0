"""Keys of a configuration file that follow from the declarations in settings/ (settings/option.py), as
pydantic models, which check the file and give its JSON schema.
"""

import functools
import types
from collections.abc import Container, Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from ..settings.option import SAME, Declared, allows_none, declared
from ..settings.range_options import QuantizerParameters, RangeEnd, RangeEstimation

#: What the JSON schema calls the dictionaries that are options, and what it says of them.
NAMES: Final = {QuantizerParameters: "Quantizers", RangeEstimation: "RangeEstimator", RangeEnd: "RangeEnd"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


def keys_of(
    declaration: type, name: str, *, base: type[Strict] = Strict, only: Container[str] | None = None
) -> Any:
    """A pydantic model that extends `base` by the keys of the declared options. only: some of the options.

    A key with a dot in it belongs to a part of the file that is written out in config_parameters.py.
    """
    keys = {
        one.option.key: _field(one)
        for one in declared(declaration).values()
        if one.option.key is not None and "." not in one.option.key and (only is None or one.name in only)
    }
    return create_model(name, __base__=base, __doc__=declaration.__doc__, **keys)


def read_keys(declaration: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options by name, as the Python functions take them, from the keys that are in a configuration."""
    keys = {one.name: one.option.key for one in declared(declaration).values()}
    return {name: given[key] for name, key in keys.items() if key is not None and key in given}


def _field(one: Declared) -> Any:
    """Type and default of a key."""
    option = one.option
    hint = one.hint if option.file_type is SAME else option.file_type
    default = one.default if option.file_default is SAME else option.file_default
    if one.is_group:
        hint, default = _group(one.kind), None
    elif isinstance(default, tuple):  # JSON has lists
        hint, default = types.GenericAlias(list, get_args(one.kind)[0]), list(default)
    if default is None and not allows_none(hint):
        hint = hint | None
    if option.spellings:
        hint = Annotated[hint, BeforeValidator(lambda v: _spelled(option.spellings, v))]
    least = 1 if isinstance(default, list) and default else None  # to leave it empty is to ask for nothing
    field = Field(
        default=default, ge=option.least, gt=option.above, le=option.most, lt=option.below, min_length=least
    )
    return hint, field


@functools.cache
def _group(declaration: type) -> Any:
    """The model of a dictionary that is an option; the schema refers to one model each."""
    return keys_of(declaration, NAMES[declaration])


def _spelled(spellings: Mapping[str, str | None], value: Any) -> Any:
    return spellings.get(value, value) if isinstance(value, str) else value
