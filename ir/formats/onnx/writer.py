"""A Graph -> an ONNX file: the model without its arrays node by node, then the arrays, in the file or in one
beside it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from ...errors import AnyPath
from ...graph import Graph
from ..common.atomic_files import replacing
from .errors import OnnxError
from .model import Arrays, model_without_arrays

MAX_BYTES = 2**31 - 2**24  # of arrays in one file: protobuf's limit, with room for everything else
ALIGNMENT = 64  # of an array in a file of its own


def write_onnx(graph: Graph, path: AnyPath) -> None:
    """Write a model as ONNX: a float one as it is, a quantized one with QuantizeLinear and DequantizeLinear
    (docs/onnx.md).

    A model too large for one file has its arrays in a second one, `<name>.data`. Files are replaced when the
    new ones are complete, or stay as they were. Raises OnnxError, naming the file and the layer.
    """
    path = Path(path)
    try:
        model, arrays = model_without_arrays(graph)
        if sum(a.nbytes for a in arrays.values()) <= MAX_BYTES:
            with replacing([path]) as (file,):
                file.write(_with_arrays(model, arrays).SerializeToString(deterministic=True))
            return
        beside = path.with_name(path.name + ".data")
        with replacing([beside, path]) as (data, file):
            for name, array in arrays.items():
                data.write(bytes(-data.tell() % ALIGNMENT))
                model.graph.initializer.append(_external(array, name, beside.name, data.tell()))
                data.write(_contiguous(array).data)
            file.write(model.SerializeToString(deterministic=True))
    except OSError as error:
        raise OnnxError(f"{path}: cannot be written ({error.strerror or error})") from error
    except OnnxError as error:
        raise OnnxError(f"{path}: {error}") from error


def to_model(graph: Graph) -> ModelProto:
    """The ONNX model of a graph, arrays included."""
    return _with_arrays(*model_without_arrays(graph))


def _with_arrays(model: ModelProto, arrays: Arrays) -> ModelProto:
    model.graph.initializer.extend(
        numpy_helper.from_array(_contiguous(a), name) for name, a in arrays.items()
    )
    return model


def _contiguous(array: np.ndarray) -> np.ndarray:
    """In C order; scalars stay scalars, and everything little-endian, as both kinds of file want it."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _external(array: np.ndarray, name: str, file: str, offset: int) -> TensorProto:
    """A tensor whose bytes are in another file of the model's folder."""
    code = numpy_helper.from_array(np.zeros(0, array.dtype)).data_type
    tensor = TensorProto(name=name, dims=array.shape, data_type=code, data_location=TensorProto.EXTERNAL)
    entries: Mapping[str, object] = {"location": file, "offset": offset, "length": array.nbytes}
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor
