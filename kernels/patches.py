"""Which elements of an image a window sees."""

from .codegen.jit import kernel
from .layout.window import Window


@kernel
def seen_by(window: Window, line: int, column: int, tap: int) -> tuple[int, int]:
    """The (line, column) of the image under a tap, 0..kh*kw, of the window at an output position; outside the
    image it is padding.
    """
    row, place = tap // window.kernel[1], tap % window.kernel[1]
    return (
        line * window.strides[0] + row * window.dilations[0] - window.pads_begin[0],
        column * window.strides[1] + place * window.dilations[1] - window.pads_begin[1],
    )
