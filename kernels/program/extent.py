"""What a step touches: so many bytes of each image it reads and writes, and of each table only places inside
of it.

Compiled code checks no index. Whoever runs a program compares these with the arrays it gives away, once for
each step, before the first.
"""

import math
from typing import Any, Final, NamedTuple

from .step import Row
from .step_kernels import Kernel


class Extent(NamedTuple):
    """Bytes of one image. other: 0 for a step that has no second tensor. written: of out; steps may make
    parts of it.
    """

    x: int
    other: int
    out: int
    written: int


class Sizes(NamedTuple):
    """Bytes of an element."""

    x: int
    other: int
    out: int


_BYTES: Final = {"U": 1, "F": 4, "S": 4}
_ELEMENTWISE: Final = {
    Kernel.QUANTIZE: Sizes(4, 0, 1),
    Kernel.QUANTIZE_NCHW: Sizes(4, 0, 1),
    Kernel.DEQUANTIZE: Sizes(1, 0, 4),
    Kernel.REQUANTIZE: Sizes(1, 0, 1),
    Kernel.AFFINE: Sizes(4, 0, 4),
    Kernel.ADD: Sizes(4, 4, 4),
    Kernel.PRODUCT: Sizes(4, 4, 4),
    Kernel.HARD: Sizes(4, 0, 4),
    Kernel.CLIP: Sizes(4, 0, 4),
    Kernel.CLIP_AND_MIN_MAX_SUM: Sizes(4, 4, 4),
    Kernel.TRANSPOSE_U: Sizes(1, 0, 1),
    Kernel.TRANSPOSE_F: Sizes(4, 0, 4),
}
_OF_CHANNELS: Final = {  # each channel of out from the same channel of x
    Kernel.MEAN_FF: Sizes(4, 0, 4),
    Kernel.MEAN_UF: Sizes(1, 0, 4),
    Kernel.MEAN_UU: Sizes(1, 0, 1),
    Kernel.MAX_POOL_U: Sizes(1, 0, 1),
    Kernel.MAX_POOL_F: Sizes(4, 0, 4),
    Kernel.AVERAGE_POOL: Sizes(4, 0, 4),
    Kernel.MIN_MAX_SUM: Sizes(4, 0, 4),
    Kernel.RESIZE_CHOSEN: Sizes(1, 0, 1),
    Kernel.RESIZE_WEIGHTED: Sizes(4, 0, 4),
}


def extent(row: Row) -> Extent:
    """What the step of a row touches. Raises ValueError where its own numbers do not fit each other."""
    kind, step = Kernel(int(row.record["kernel"])), row.record
    read, made = (math.prod(step[name].item()) for name in ("input", "output"))
    if kind in _ELEMENTWISE:
        sizes = _ELEMENTWISE[kind]
        _require(read == made, "reads as many elements as it makes")
        other = {Kernel.PRODUCT: int(step["output"]["channels"]) if step["flag"] else made}
        other[Kernel.CLIP_AND_MIN_MAX_SUM] = 8 * int(step["output"]["channels"])
        return Extent(sizes.x * read, sizes.other * other.get(kind, made), sizes.out * made, sizes.out * made)
    if kind in _OF_CHANNELS:
        sizes = _OF_CHANNELS[kind]
        _require(step["input"]["channels"] == step["output"]["channels"], "has as many channels as it reads")
        if kind in (Kernel.RESIZE_CHOSEN, Kernel.RESIZE_WEIGHTED):
            _check_taps(row)
        return Extent(sizes.x * read, 0, sizes.out * made, sizes.out * made)
    if kind is Kernel.IM2COL:
        x, out, window, groups = step["input"], step["output"], step["window"], step["flag"]
        taps = window["kernel"] * window["kernel_"]
        _require(out["channels"] == taps * x["channels"], "has a place for every tap")
        _require(groups > 0 and x["channels"] % groups == 0, "has groups of as many channels")
        return Extent(read, 0, made, made)
    if kind is Kernel.COPY:
        x, out = step["input"], step["output"]
        _require(
            x["height"] * x["width"] == out["height"] * out["width"], "copies as many positions as there are"
        )
        _require(
            step["flag"] >= 0 and step["flag"] + x["channels"] <= out["channels"],
            "copies into a position, not past it",
        )
        return Extent(read, 0, made, read)
    return _of_convolution(row, kind, read)


def _of_convolution(row: Row, kind: Kernel, read: int) -> Extent:
    """Of a kind whose name ends with the letters of what it reads and of what it stores, and an R if it adds
    a branch.
    """
    letters, step = kind.name.rpartition("_")[2], row.record
    x, out = step["input"], step["output"]
    written = math.prod(out.item())
    made = written if step["flag"] else _of_output_layout(row)
    if step["flag"] or step["in_place"]:
        _require(
            x["width"] * x["height"] == out["width"] * out["height"], "has as many positions as it reads"
        )
    if step["in_place"]:
        _require(
            step["weights"]["depth"] * _BYTES[letters[0]] % step["weights"]["word"] == 0,
            "reads whole words inside a pixel",
        )
    elif (down := step["strips"]["skip"]) * (right := step["strips"]["skip_"]) > 1:
        is_there = (out["height"] - 1) * down < x["height"] and (out["width"] - 1) * right < x["width"]
        _require(is_there, "reads lines and pixels that are there")
    size = _BYTES[letters[1]]
    return Extent(
        read * _BYTES[letters[0]], size * made if letters.endswith("R") else 0, size * made, size * written
    )


def _of_output_layout(row: Row) -> int:
    """Elements of an image in which the positions of a step lie, all of them inside."""
    layout, out, places = (
        row.record["output_layout"],
        row.record["output"],
        row.constants["output_layout.places"],
    )
    last = layout["first"] + (out["height"] - 1) * layout["line"] + places[out["width"] - 1]
    _require(last + out["channels"] <= layout["image"], "writes inside of its output")
    return int(layout["image"])


def _check_taps(row: Row) -> None:
    for name, axis in (("rows", "height"), ("columns", "width")):
        indices = row.constants[f"{name}.indices"]
        _require(len(indices) == row.record["output"][axis], "knows what every position sees")
        _require(
            indices.min() >= 0 and indices.max() < row.record["input"][axis], "sees positions that are there"
        )


def _require(holds: Any, promise: str) -> None:
    if not holds:
        raise ValueError(f"expected a step that {promise}")
