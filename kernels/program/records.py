"""Records of plain numbers from NamedTuples, and NamedTuples from records: both from one description.

Compiled code gets a layer by the address of a record, in which an array is its address and its sizes:

    TAPS = Layout(
        Taps, indices=Table(np.int64, "output", "taps"), weights=Table(np.float32, "output", "taps")
    )

    Taps      indices  weights                  a NamedTuple in Python, and in compiled code
    record    indices  weights  output  taps    plain numbers: TAPS.dtype

`TAPS.write` goes down, in Python; `TAPS.reader("read_taps")` makes the compiled function that goes up:

    def read_taps(r):
        return Taps(
            array(r.indices, (r.output, r.taps), np.int64), array(r.weights, (r.output, r.taps), np.float32)
        )
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ..codegen.jit import kernel
from ..codegen.pointers import array
from ..reference import Array

NUMBERS: Final = {int: np.int64, bool: np.int64, np.float32: np.float32}
PAIR: Final = tuple[int, int]  # is stored as two numbers, `name` and `name_`
GIVEN: Final = object()  # is not stored: whoever reads the record gives it


class Table:
    """How a field that is an array is stored: its address under its name, its sizes under the names `sizes`.

    dtype: of its elements; None if whoever reads it says.
    """

    def __init__(self, dtype: Any, *sizes: str) -> None:
        self.dtype, self.sizes = dtype, sizes


class Layout:
    """How a NamedTuple is stored.

    Its annotations say it of numbers, flags and pairs of numbers; `described` says it of the other fields, by
    a Table, by a Layout (a record inside of the record), or GIVEN. at: the name of the record where it is
    inside of another; else it is the field's.
    """

    def __init__(self, kind: Any, *, at: str | None = None, **described: Any) -> None:
        self.kind, self.at = kind, at
        self.fields = {name: described.get(name, hint) for name, hint in kind.__annotations__.items()}
        self.stored = {key: dtype for name in self.fields for key, dtype in self._stored(name)}
        self.dtype = np.dtype(list(self.stored.items()), align=True)

    def _stored(self, name: str) -> list[tuple[str, Any]]:
        """What of the record holds a field: (name, dtype)."""
        how = self.fields[name]
        if how is GIVEN:
            return []
        if isinstance(how, Table):
            return [(key, np.int64) for key in (name, *how.sizes)]
        if isinstance(how, Layout):
            return [(how.at or name, how.dtype)]
        if how == PAIR:
            return [(name, np.int64), (name + "_", np.int64)]
        return [(name, NUMBERS[how])]

    def write(self, record: Array, values: Any, keep: Callable[[str, Array], int], path: str = "") -> None:
        """Write a NamedTuple, or a dict with some of its fields, into a record.

        keep: holds an array for as long as the record is used and returns its address; it is told the array's
        name, as in "strips.rows", which begins with `path`.
        """
        sizes: dict[str, int] = {}
        for name, value in (values if isinstance(values, dict) else values._asdict()).items():
            how = self.fields[name]
            if isinstance(how, Table):
                assert value.flags.c_contiguous and how.dtype in (None, value.dtype), f"{path}{name}"
                record[name] = keep(path + name, value)
                for key, size in zip(how.sizes, value.shape, strict=True):
                    assert sizes.setdefault(key, size) == size, f"{path}{name}: another {key}"
            elif isinstance(how, Layout):
                at = how.at or name
                if value is not None:
                    how.write(record[at], value, keep, f"{path}{at}.")
            elif how == PAIR:
                record[name], record[name + "_"] = value
            elif how is not GIVEN:
                record[name] = value
        for key, size in sizes.items():
            record[key] = size

    def reader(self, name: str, kind: Any = None, without: tuple[str, ...] = ()) -> Any:
        """Make the compiled function of a name: record -> NamedTuple.

        Behind the record it takes the fields that are GIVEN, and `dtype`, of the elements of a Table without
        one. kind: another NamedTuple, of some of these fields. without: fields that are None in the result.
        """
        given: dict[str, None] = {}
        kinds: dict[str, Any] = {}
        expression = self._expression("r", kind or self.kind, without, given, kinds)
        source = f"def {name}({', '.join(['r', *given])}):\n    return {expression}\n"
        names = {"__name__": __name__, "array": array, "np": np, **kinds}
        exec(compile(source, __file__, "exec"), names)  # in the name of this file, where numba looks for it
        return kernel(names[name])

    def _expression(
        self,
        record: str,
        kind: Any,
        without: tuple[str, ...],
        given: dict[str, None],
        kinds: dict[str, Any],
    ) -> str:
        """The expression that makes a `kind` of a record; adds what the function that evaluates it needs."""
        kinds[kind.__name__] = kind
        parts = []
        for name in kind._fields:
            how, place = self.fields[name], f"{record}.{name}"
            if name in without:
                parts.append("None")
            elif how is GIVEN:
                given[name] = None
                parts.append(name)
            elif isinstance(how, Table):
                if how.dtype is None:
                    given["dtype"] = None
                dtype = "dtype" if how.dtype is None else f"np.{np.dtype(how.dtype).name}"
                sizes = "".join(f"{record}.{key}, " for key in how.sizes)
                parts.append(f"array({place}, ({sizes}), {dtype})")
            elif isinstance(how, Layout):
                parts.append(how._expression(f"{record}.{how.at or name}", how.kind, (), given, kinds))
            elif how == PAIR:
                parts.append(f"({place}, {place}_)")
            else:
                parts.append(f"{place} != 0" if how is bool else place)
        return f"{kind.__name__}({', '.join(parts)})"
