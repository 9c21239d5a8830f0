"""Which function reads an operator of another format: that depends on the operator and on the opset."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from ...ops.common.operator import OperatorError, nearest


class Served(Protocol):
    """A reader of an operator, which serves a range of opsets."""

    @property
    def since(self) -> int: ...

    @property
    def until(self) -> int: ...


S = TypeVar("S", bound=Served)


def find_served(readers: Mapping[str, Sequence[S]], operator: str, opset: int) -> S:
    """The reader of an operator. Raises OperatorError, naming the opsets at which it is known, or else the
    nearest one that is.
    """
    for reader in readers.get(operator, ()):
        if reader.since <= opset <= reader.until:
            return reader
    if operator in readers:
        served = ", ".join(f"{r.since} to {r.until}" for r in readers[operator])
        raise OperatorError(f"operator {operator!r} is known at opsets {served}, not at {opset}")
    raise OperatorError(f"operator {operator!r} of opset {opset} is not known" + nearest(operator, readers))
