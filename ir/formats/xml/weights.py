"""The .bin: constants as raw little-endian elements, each from a 64-byte boundary on, zeros between; mapped
on load, not copied.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...dtypes import BOOL, DType
from ...errors import BinSizeError, ChecksumError, FileMissingError, GapError, OverlapError, SpanError
from ...ops.common.operator import Ints, OperatorError
from ...shape_inference import check_shape
from ..common.regular_file import open_regular
from .layer import Layer

ALIGNMENT = 64  # a cache line, and the widest vector register


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where the .bin holds an array: the attributes that a Constant has in the .xml."""

    element_type: DType
    shape: Ints
    offset: int  # bytes
    size: int  # bytes


@dataclass(frozen=True)
class Weights:
    """What the .xml says of the whole .bin."""

    size: int
    sha256: str


def write_weights(arrays: Iterable[np.ndarray], file: BinaryIO, least: int = 0) -> tuple[list[Span], Weights]:
    """Write the arrays; those with the same bytes share a span, those without elements have an empty one at
    0, or `least` zero bytes.
    """
    hasher = hashlib.sha256()
    total = 0
    offsets: dict[bytes, int] = {hashlib.sha256().digest(): 0}
    spans = []
    for array in arrays:
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
        data = data if data.size else np.zeros(least, np.uint8)
        content = hashlib.sha256(data.data).digest()
        if content not in offsets:
            offsets[content] = _align(total)
            for piece in (bytes(_align(total) - total), data.data):
                file.write(piece)
                hasher.update(piece)
            total = _align(total) + data.size
        spans.append(
            Span(element_type=array.dtype, shape=array.shape, offset=offsets[content], size=data.size)
        )
    return spans, Weights(total, hasher.hexdigest())


def map_file(path: Path) -> np.ndarray:
    """(size,) u8, read-only, backed by the file. Raises FileMissingError."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            return np.asarray(np.memmap(file, np.uint8, "r")) if size else np.frombuffer(b"", np.uint8)
    except OSError as error:
        raise FileMissingError(
            f"cannot be read ({error.strerror}); the constants of a model stand beside its .xml", path
        ) from error


def map_weights(path: Path, expected: Weights) -> np.ndarray:
    """As map_file, for the file that the .xml speaks of. Raises FileMissingError, BinSizeError or
    ChecksumError.
    """
    data = map_file(path)
    if data.size != expected.size:
        raise BinSizeError(
            f"expected {expected.size} bytes, found {data.size}; the file was cut, or belongs to "
            "another .xml",
            path,
        )
    found = hashlib.sha256(data.data).hexdigest()
    if found != expected.sha256:
        message = (
            f"expected SHA-256 {expected.sha256}, found {found}; the file was changed, or belongs "
            "to another .xml"
        )
        raise ChecksumError(message, path)
    return data


def view_span(span: Span, data: np.ndarray) -> np.ndarray:
    """The array that a checked span describes, without copying (on a little-endian machine, as nearly all
    are).
    """
    raw = data[span.offset : span.offset + span.size]
    return (
        raw.view(span.element_type.newbyteorder("<"))
        .reshape(span.shape)
        .astype(span.element_type, copy=False)
    )


def check_spans(spans: list[tuple[Layer, Span]], data: np.ndarray, path: Path) -> None:
    """Raises SpanError, OverlapError or GapError, before anything is allocated.

    data: the .bin, at `path`.
    """
    for layer, span in spans:
        if span.offset % ALIGNMENT or span.offset < 0:
            raise layer.error(SpanError, f"offset must be a multiple of {ALIGNMENT}, found {span.offset}")
        if problem := span_problem(span, data):
            raise layer.error(SpanError, problem)
    _check_layout(spans, data, path)


def span_problem(span: Span, data: np.ndarray) -> str | None:
    """What keeps a span from being an array in the .bin that `data` maps; None if nothing does. Python
    integers do not wrap.
    """
    try:
        check_shape(span.shape)
    except OperatorError as error:
        return str(error)
    expected = math.prod(span.shape) * span.element_type.itemsize
    if span.size != expected:
        return f"size must be {expected} for shape {list(span.shape)}, found {span.size}"
    if not 0 <= span.offset <= data.size - span.size:
        return f"bytes {span.offset} to {span.offset + span.size} lie outside the .bin, which has {data.size}"
    if span.element_type == BOOL and (data[span.offset : span.offset + span.size] > 1).any():
        return "a boolean constant holds the bytes 0 and 1 only"
    return None


def _check_layout(spans: list[tuple[Layer, Span]], data: np.ndarray, path: Path) -> None:
    """From one span to the next there is nothing but padding: no byte is read as two things, and
    none hides.
    """
    owners = {(span.offset, span.size): layer for layer, span in spans if span.size}
    end = 0
    for offset, size in sorted(owners):
        if offset < end:
            raise owners[offset, size].error(
                OverlapError, f"its span overlaps another, which ends at byte {end}"
            )
        if offset != _align(end) or data[end:offset].any():
            raise GapError(f"bytes {end} to {offset} belong to no constant and are not padding", path)
        end = offset + size
    if end != data.size:
        raise GapError(f"bytes {end} to {data.size} belong to no constant", path)


def _align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
