"""Compute fingerprints of models and samples: SHA-256 of everything that statistics depend on."""

import hashlib

import numpy as np

from numpot.ir.graph import Graph
from numpot.ir.ops.constant import Constant

from .loader import DataLoader


def model_digest(graph: Graph) -> str:
    """Hexadecimal SHA-256 of the layers, their attributes, their edges and their constants; not of `info`."""
    digest = hashlib.sha256()
    for node in graph:
        op = node.op
        if isinstance(op, Constant):
            digest.update(repr((node.name, op.value.dtype.name, op.value.shape)).encode())
            _add_array(digest, op.value)
        else:
            digest.update(repr((node.name, op, [t.name for t in node.inputs])).encode())
    return digest.hexdigest()


def data_digest(samples: DataLoader) -> str:
    """Hexadecimal SHA-256 of samples as the model takes them, in their order. samples: of a ModelData; each
    is read once.
    """
    digest = hashlib.sha256()
    for i in range(len(samples)):
        arrays, _ = samples[i]
        assert isinstance(arrays, dict)
        for name in sorted(arrays):
            digest.update(repr((name, arrays[name].dtype.name, arrays[name].shape)).encode())
            _add_array(digest, arrays[name])
    return digest.hexdigest()


def _add_array(digest: "hashlib._Hash", array: np.ndarray) -> None:
    digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)
