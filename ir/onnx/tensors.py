"""TensorProto -> ndarray: the data of a model, inside its file or in a file beside it."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
from onnx import GraphProto, SparseTensorProto, TensorProto, numpy_helper

from ..dtypes import BOOL, BY_NAME, F16, F32, I8, I32, I64, U8, DType
from ..ops.registry import Shape
from ..shapes import MAX_ELEMENTS
from .errors import OnnxError

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
    """The element type of an ONNX code. Raises OnnxError for the types this project does not have, naming `what` has it."""
    if code not in ELEMENT_TYPES:
        name = TensorProto.DataType.Name(code) if code in TensorProto.DataType.values() else str(code)
        raise OnnxError(f"{what}{': ' if what else ''}element type {name} is not supported; expected one of {', '.join(BY_NAME)}")
    return ELEMENT_TYPES[code]


def to_array(tensor: TensorProto, folder: Path | None) -> np.ndarray:
    """The array a TensorProto holds, its data inside it or in a file in `folder` (None: there is no folder, only bytes)."""
    dtype, shape = element_type(tensor.data_type, f"tensor {tensor.name!r}"), tuple(tensor.dims)
    size = _size(tensor.name, shape)
    if tensor.data_location == TensorProto.EXTERNAL:
        return np.frombuffer(_external_bytes(tensor, size * dtype.itemsize, folder), dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    try:
        return np.asarray(numpy_helper.to_array(tensor), dtype)
    except (ValueError, TypeError, MemoryError) as error:
        raise OnnxError(f"tensor {tensor.name!r} of shape {list(shape)} does not hold the data it promises ({error})") from error


def sparse_to_array(sparse: SparseTensorProto, folder: Path | None) -> np.ndarray:
    """The dense array of a SparseTensorProto; indices are flat, (n,), or one row an element, (n, rank)."""
    values, indices, shape = to_array(sparse.values, folder), to_array(sparse.indices, folder), tuple(sparse.dims)
    flat = np.zeros(_size(sparse.values.name, shape), values.dtype)
    try:
        flat[np.ravel_multi_index(tuple(indices.T), shape) if indices.ndim == 2 else indices] = values
    except (ValueError, IndexError) as error:
        raise OnnxError(f"sparse tensor {sparse.values.name!r} has indices outside its shape {list(shape)} ({error})") from error
    return flat.reshape(shape)


def initializers(graph: GraphProto, folder: Path | None) -> dict[str, np.ndarray]:
    """The arrays that a graph brings along, by name."""
    names = Counter([*(t.name for t in graph.initializer), *(t.values.name for t in graph.sparse_initializer)])
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise OnnxError(f"there are {names[twice]} initializers called {twice!r}; every tensor must have a name of its own")
    dense = {t.name: to_array(t, folder) for t in graph.initializer}
    return dense | {t.values.name: sparse_to_array(t, folder) for t in graph.sparse_initializer}


def _size(name: str, shape: Shape) -> int:
    """The number of elements, in Python integers, which do not wrap."""
    if any(d < 0 for d in shape):
        raise OnnxError(f"tensor {name!r} has a negative dimension: {list(shape)}")
    size = math.prod(shape)
    if size > MAX_ELEMENTS:
        raise OnnxError(f"tensor {name!r} of shape {list(shape)} is impossibly large")
    return size


def _external_bytes(tensor: TensorProto, expected: int, folder: Path | None) -> bytes:
    """The bytes of a tensor stored outside its model. Only a plain file inside the model's own folder is ever opened."""
    keys = {entry.key: entry.value for entry in tensor.external_data}
    location = keys.get("location", "")
    where = f"tensor {tensor.name!r}: external data {location!r}"
    if folder is None:
        raise OnnxError(f"{where} needs the model's folder; read the model from its path, not from bytes")
    path = _contained(folder, location, where)
    try:
        offset, length = int(keys.get("offset", 0)), int(keys.get("length", expected))
    except ValueError:
        raise OnnxError(f"{where}: offset and length must be integers") from None
    if length != expected:
        raise OnnxError(f"{where}: expected {expected} bytes for this type and shape, found {length}")
    total = path.stat().st_size
    if not 0 <= offset <= total - length:
        raise OnnxError(f"{where}: bytes {offset} to {offset + length} are not in the file, which has {total}")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _contained(folder: Path, location: str, where: str) -> Path:
    """The path of an external file: under `folder`, reached through no link, and under one name only."""
    relative = Path(location)
    if not location or relative.is_absolute() or ".." in relative.parts or "\\" in location or ":" in location:
        raise OnnxError(f"{where}: expected the path of a file in the model's folder")
    path = folder
    for part in relative.parts:
        path = path / part
        if path.is_symlink():
            raise OnnxError(f"{where}: links are not followed; put the file itself beside the model")
    if not path.is_file():
        raise OnnxError(f"{where}: there is no such file in {folder}")
    if path.stat().st_nlink != 1:
        raise OnnxError(f"{where}: the file has several names (hard links); put a copy beside the model")
    return path
