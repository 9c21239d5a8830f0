"""Arguments of the Python API: what is obvious is accepted (a path is opened), the rest refused in one
sentence.

The declaration of an option is its annotation in the signature of the function that takes it.
"""

import os
import typing
from collections.abc import Callable
from typing import Any, Final

from numpot.ir.arguments import shown
from numpot.ir.errors import AnyPath
from numpot.ir.graph import Graph

from ..data.loader import DataLoader
from ..data.sources import open_data
from ..errors import QuantizationError
from .option import allows_none, alternatives, literals
from .option_types import choose, read_option

#: Options that count something, so that the least of them is 1.
COUNTS: Final = frozenset({"batch_size", "epochs", "limit", "threads"})
#: How an object that an option takes is made.
MADE_BY: Final = {"Pool": "distributed.open_pool", "Preprocessing": "Preprocessing(mean, std)"}


def as_loader(data: DataLoader | AnyPath, graph: Graph, name: str = "the data") -> DataLoader:
    """A DataLoader as it is; a path, or module:Class, is opened for the model. Raises QuantizationError,
    DataError.
    """
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, str | os.PathLike):
        return open_data(data, graph)
    if isinstance(data, type) and issubclass(data, DataLoader):
        raise QuantizationError(
            f"{name} must be a DataLoader, found {shown(data)}; make an object of it: {data.__name__}(...)"
        )
    raise QuantizationError(
        f"{name} must be a DataLoader, or what open_data takes (the path of an .npz file or of a "
        f"folder), found {shown(data)}"
    )


def check_options(function: Callable[..., Any], **options: Any) -> None:
    """Hold options against the function's annotations. Raises QuantizationError for one of another type, word
    or size.
    """
    hints = typing.get_type_hints(function)
    for name, value in options.items():
        kinds = alternatives(hints[name])
        if value is None and allows_none(hints[name]):
            continue
        if words := literals(kinds):
            choose(words, name, value)
        elif isinstance(kinds[0], type) and kinds[0] not in (bool, int, float, str):
            if not isinstance(value, kinds[0]):
                made = f", as {MADE_BY[kinds[0].__name__]} makes it" if kinds[0].__name__ in MADE_BY else ""
                raise QuantizationError(f"{name} must be a {kinds[0].__name__}{made}, found {shown(value)}")
        else:
            plain = read_option(kinds[0], name, value)
            if name in COUNTS and plain < 1:
                raise QuantizationError(f"{name} must be at least 1, found {shown(value)}")
