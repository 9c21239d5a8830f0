"""Cache packed weights as long as the weights they were made from: a model that is compiled twice is packed
once.
"""

import mmap
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

_packed: dict[tuple[int, object], Any] = {}


def packed(weights: np.ndarray, kind: object, pack: Callable[[], Any]) -> Any:
    """pack(), or what it returned for the same array and kind before. The array must not be written to
    meanwhile; a model's never are.
    """
    key = id(weights), kind
    if key not in _packed:
        _packed[key] = pack()
        weakref.finalize(weights, _packed.pop, key, None)  # an id may be given again once the array is gone
        leave_in_file(weights)
    return _packed[key]


def leave_in_file(array: np.ndarray) -> None:
    """Give back the memory of an array that is a view of a mapped file; whoever reads it again gets it from
    the file again.
    """
    file: Any = array
    while isinstance(file, np.ndarray):
        file = file.base
    if not isinstance(file, mmap.mmap) or not hasattr(file, "madvise") or not array.size:
        return
    begin = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    end = begin + array.nbytes
    begin -= begin % mmap.PAGESIZE
    file.madvise(mmap.MADV_DONTNEED, begin, end - begin)
