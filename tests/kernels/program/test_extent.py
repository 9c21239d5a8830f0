"""Every kind of step says what it touches, and a row whose numbers do not fit each other is refused."""

from typing import Any

import numpy as np
import pytest

from numpot.kernels.layers.convolution import make_dense
from numpot.kernels.layers.resize import Taps
from numpot.kernels.layout.weight_packing import pack_convolution
from numpot.kernels.layout.window import Window
from numpot.kernels.program.extent import Extent, extent
from numpot.kernels.program.step import Row
from numpot.kernels.program.step_kernels import Kernel

SHAPE = (3, 5, 4)  # H, W, C


def row(kind: Kernel) -> Row:
    """Of an image that keeps its shape, by a 1x1 window."""
    made = Row(kind, flag=1 if kind in (Kernel.IM2COL, Kernel.PRODUCT) else 0)
    made.shapes(SHAPE, SHAPE)
    made.write("window", Window((1, 1)))
    for name, n in zip(("rows", "columns"), SHAPE, strict=False):
        made.write(name, Taps(np.arange(n)[:, None], np.ones((n, 1), np.float32)))
    made.layer(
        make_dense(
            pack_convolution(np.ones((4, 4, 3, 3), np.int8)),
            Window((3, 3), pads_begin=(1, 1)),
            (3, 5),
            0,
            False,
            1,
        ),
    )
    return made


@pytest.mark.parametrize("kind", Kernel)
def test_every_kind_says_what_it_touches(kind: Kernel) -> None:
    found = extent(row(kind))
    size = 3 * 5 * 4
    assert found.x in (size, 4 * size) and found.out in (size, 4 * size) and found.written == found.out
    assert found.other in (0, size, 4 * size, 4 * 4, 4 * 8 * 4)


def test_a_convolution_touches_its_output_layout() -> None:
    assert extent(row(Kernel.CONVOLUTION_UF)) == Extent(60, 0, 240, 240)
    assert extent(row(Kernel.CONVOLUTION_UUR)) == Extent(60, 60, 60, 60)


WRONG: list[tuple[Kernel, str, str, Any, str]] = [
    (Kernel.CLIP, "input", "height", 4, "reads as many elements as it makes"),
    (Kernel.MAX_POOL_F, "input", "channels", 5, "as many channels"),
    (Kernel.COPY, "input", "channels", 5, "copies into a position"),
    (Kernel.COPY, "input", "width", 4, "as many positions"),
    (Kernel.RESIZE_CHOSEN, "input", "height", 2, "sees positions that are there"),
    (Kernel.RESIZE_CHOSEN, "output", "width", 6, "knows what every position sees"),
    (Kernel.IM2COL, "window", "kernel", (2, 1), "a place for every tap"),
    (Kernel.CONVOLUTION_UU, "output_layout", "image", 59, "writes inside of its output"),
    (Kernel.CONVOLUTION_UU, "output_layout", "first", 1, "writes inside of its output"),
    (Kernel.CONVOLUTION_UU, "strips", "skip", (3, 1), "reads lines and pixels that are there"),
]


@pytest.mark.parametrize(("kind", "part", "field", "value", "promise"), WRONG)
def test_a_row_that_does_not_fit_is_refused(
    kind: Kernel, part: str, field: str, value: Any, promise: str
) -> None:
    made = row(kind)
    made.write(part, {field: value})
    with pytest.raises(ValueError, match=promise):
        extent(made)


@pytest.mark.parametrize("groups", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", range(1, 9))
def test_the_last_word_of_the_last_group_ends_in_its_pixel(groups: int, depth: int) -> None:
    """Else the word would be read past the end of the image: two channels a group, four in all, were."""
    layer = make_dense(
        pack_convolution(np.ones((groups, depth, 1, 1), np.int8), groups), Window((1, 1)), (3, 5), 0, False, 1
    )
    assert layer.in_place == (depth % 4 == 0)
