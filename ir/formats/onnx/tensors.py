"""TensorProto -> ndarray: the data of a model, inside its file or in a file beside it."""

import math
from collections import Counter

import numpy as np
from onnx import GraphProto, SparseTensorProto, TensorProto, numpy_helper

from ... import memory
from ...dtypes import BOOL, BY_NAME, F16, F32, I8, I32, I64, U8, DType
from ...ops.common.operator import Shape
from ...shape_inference import MAX_ELEMENTS
from .errors import OnnxError
from .external_data import ExternalFiles

ELEMENT_TYPES: dict[int, DType] = {
    TensorProto.FLOAT: F32,
    TensorProto.FLOAT16: F16,
    TensorProto.INT8: I8,
    TensorProto.UINT8: U8,
    TensorProto.INT32: I32,
    TensorProto.INT64: I64,
    TensorProto.BOOL: BOOL,
}


def element_type(code: int, what: str = "") -> DType:
    """The element type of an ONNX code. Raises OnnxError for the types this project does not have, naming
    `what` has it.
    """
    if code not in ELEMENT_TYPES:
        name = TensorProto.DataType.Name(code) if code in TensorProto.DataType.values() else str(code)
        raise OnnxError(
            f"{what}{': ' if what else ''}element type {name} is not supported; expected one of "
            f"{', '.join(BY_NAME)}"
        )
    return ELEMENT_TYPES[code]


def to_array(tensor: TensorProto, files: ExternalFiles) -> np.ndarray:
    """The array a TensorProto holds, its data inside it or in one of the files. Raises OnnxError, or
    MemoryLimitError beforehand.
    """
    dtype, shape = element_type(tensor.data_type, f"tensor {tensor.name!r}"), tuple(tensor.dims)
    size = _size(tensor.name, shape)
    if tensor.data_location == TensorProto.EXTERNAL:
        return _as_stored(files.read(tensor, size * dtype.itemsize), tensor.name, dtype, shape)
    # else there is nothing to take memory for
    if not tensor.HasField("raw_data") or len(tensor.raw_data) == size * dtype.itemsize:
        memory.take(size * dtype.itemsize, f"tensor {tensor.name!r} of shape {list(shape)}")
    try:
        return np.asarray(numpy_helper.to_array(tensor), dtype)
    except (ValueError, TypeError, MemoryError) as error:
        raise OnnxError(
            f"tensor {tensor.name!r} of shape {list(shape)} does not hold the data it promises ({error})"
        ) from error


def _as_stored(data: np.ndarray, name: str, dtype: DType, shape: Shape) -> np.ndarray:
    """Bytes of a file, in its order -> an array: a view, where they can be read as they stand."""
    stored = dtype.newbyteorder("<")
    if stored == dtype and data.ctypes.data % dtype.alignment == 0 and dtype != BOOL:
        return data.view(dtype).reshape(shape)
    memory.take(data.size, f"tensor {name!r} of shape {list(shape)}")
    return np.frombuffer(data.data, stored).astype(dtype).reshape(shape)


def sparse_to_array(sparse: SparseTensorProto, files: ExternalFiles) -> np.ndarray:
    """The dense array of a SparseTensorProto; indices are flat, (n,), or one row an element, (n, rank)."""
    values, indices, shape = (
        to_array(sparse.values, files),
        to_array(sparse.indices, files),
        tuple(sparse.dims),
    )
    size = _size(sparse.values.name, shape)
    memory.take(size * values.dtype.itemsize, f"sparse tensor {sparse.values.name!r} of shape {list(shape)}")
    flat = np.zeros(size, values.dtype)
    try:
        flat[np.ravel_multi_index(tuple(indices.T), shape) if indices.ndim == 2 else indices] = values
    except (ValueError, IndexError) as error:
        raise OnnxError(
            f"sparse tensor {sparse.values.name!r} has indices outside its shape {list(shape)} ({error})"
        ) from error
    return flat.reshape(shape)


def initializers(graph: GraphProto, files: ExternalFiles) -> dict[str, np.ndarray]:
    """The arrays that a graph brings along, by name."""
    names = Counter(
        [*(t.name for t in graph.initializer), *(t.values.name for t in graph.sparse_initializer)]
    )
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise OnnxError(
            f"there are {names[twice]} initializers called {twice!r}; every tensor must have a name "
            "of its own"
        )
    dense = {t.name: to_array(t, files) for t in graph.initializer}
    return dense | {t.values.name: sparse_to_array(t, files) for t in graph.sparse_initializer}


def _size(name: str, shape: Shape) -> int:
    """The number of elements, in Python integers, which do not wrap."""
    if any(d < 0 for d in shape):
        raise OnnxError(f"tensor {name!r} has a negative dimension: {list(shape)}")
    size = math.prod(shape)
    if size > MAX_ELEMENTS:
        raise OnnxError(f"tensor {name!r} of shape {list(shape)} is impossibly large")
    return size
