"""Shapes and element types as text: `[-1,3,224,224] f32`."""

from collections.abc import Sequence

from ..dtypes import NAMES, DType


def shape_and_type(shape: Sequence[int], dtype: DType) -> str:
    """Return `[-1,3,224,224] f32`; -1 stands for a batch of any size."""
    return f"[{','.join(map(str, shape))}] {NAMES.get(dtype, dtype)}"
