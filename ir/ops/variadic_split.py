"""VariadicSplit: a tensor cut along an axis into parts of given lengths, one of which may be -1, the rest
(OpenVINO VariadicSplit-1).
"""

import numpy as np

from .common.axes import integer, integers, normalize_axis
from .common.operator import Ints, Operator, OperatorError, Shape, operator


@operator("VariadicSplit")
class VariadicSplit(Operator):
    value_ports = (1, 2)
    computes_on_codes = True

    def infer_shape(self, x: Shape, axis: np.ndarray, lengths: np.ndarray) -> list[Shape]:
        cut = normalize_axis(integer(axis, "axis"), len(x))
        return [
            x[:cut] + (length,) + x[cut + 1 :]
            for length in part_lengths(x[cut], integers(lengths, "lengths"))
        ]

    def evaluate(self, x: np.ndarray, axis: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        cut = integer(axis, "axis")
        ends = np.cumsum(part_lengths(x.shape[cut], integers(lengths, "lengths")))
        return np.split(x, ends[:-1], axis=cut)


def part_lengths(dim: int, lengths: Ints) -> Ints:
    """The lengths with -1 replaced by what the others leave; OperatorError unless they add up to the
    dimension.
    """
    rest = dim - sum(length for length in lengths if length != -1)
    complete = tuple(rest if length == -1 else length for length in lengths)
    if not lengths or lengths.count(-1) > 1 or min(complete) < 0 or sum(complete) != dim:
        raise OperatorError(f"lengths {list(lengths)} do not add up to {dim}")
    return complete
