"""Convolution: three sums over the same windows, each linear in what it is given (docs/finetuning.md).

    y_p  = sum over taps k of w_k x_(p s + k d - b)
    dx_q = sum over taps k of w_k dy_p,   q = p s + k d - b
    dw_k = sum over images and positions p of dy_p x_(p s + k d - b)                         (T4)

They are `correlate` (the operator itself), `spread` and `weight_gradient`. p and q are positions of the
output y and the input x, w_k the weights at tap k; s are strides, d dilations and b the pads at the
beginning.

Dense layers copy what each window sees into columns and let one matrix product do the rest (im2col).
Depthwise layers have nothing to multiply as matrices: they go tap by tap. The type of the arrays is kept.

In memory everything here is (channels, *spatial, images): one matrix product for the whole batch, and long
runs of neighbours when a tap looks at a part of the image. Outside they are views of the usual shape, and
element by element NumPy keeps to the order it finds.
"""

import math
from collections.abc import Iterator

import numpy as np

from numpot.ir.ops.common.operator import Ints
from numpot.ir.ops.common.windows import Window
from numpot.ir.ops.convolution import Convolution

from .registry import Call, Gradients, forward, gradient

Index = tuple[slice | int, ...]


@forward("Convolution")
def convolve(op: Convolution, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return correlate(x, w, op.window(w.shape[2:]), op.groups)


@gradient("Convolution")
def convolution(call: Call, dy: np.ndarray) -> Gradients:
    x, w = call.inputs
    window, groups = call.op.window(w.shape[2:]), call.op.groups
    dx = spread(dy, w, window, groups, x.shape[2:]) if call.wanted[0] else None
    dw = weight_gradient(x, dy, window, groups) if call.wanted[1] else None
    return [dx, dw]


def correlate(x: np.ndarray, w: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """(N,C,*spatial), (O,C/groups,*kernel) -> (N,O,*output)."""
    output = window.output_size(x.shape[2:])
    if _is_depthwise(x.shape[1], len(w), groups):
        padded, weights = _padded(x, window), w[:, 0]
        y = np.zeros((len(w), *output, len(x)), x.dtype)
        product = np.empty_like(y)
        for tap, place in _taps(window, output):
            y += np.multiply(padded[place], _per_channel(weights[tap], y.ndim), out=product)
    else:
        y = (_matrices(w, groups) @ _columns(x, window, groups)).reshape(len(w), *output, len(x))
    return _batch_first(y)


def spread(dy: np.ndarray, w: np.ndarray, window: Window, groups: int, size: Ints) -> np.ndarray:
    """(N,O,*output), (O,C/groups,*kernel) -> (N,C,*size): what every output position hands back to the inputs
    that its window saw.
    """
    channels, output, last = w.shape[1] * groups, dy.shape[2:], _batch_last(dy)
    canvas = np.zeros(_canvas(channels, window, size, len(dy)), dy.dtype)
    if _is_depthwise(channels, len(w), groups):
        product, weights = np.empty_like(last), w[:, 0]
        for tap, place in _taps(window, output):
            canvas[place] += np.multiply(last, _per_channel(weights[tap], last.ndim), out=product)
    else:
        rows = last.reshape(groups, len(w) // groups, -1)
        shares = (_matrices(w, groups).swapaxes(1, 2) @ rows).reshape(
            channels, *window.kernel, *output, len(dy)
        )
        if _sees_all_once(window):
            return _batch_first(shares.reshape(canvas.shape))
        for tap, place in _taps(window, output):
            canvas[place] += shares[tap]
    return _batch_first(canvas[_image(window, size)])


def weight_gradient(x: np.ndarray, dy: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """(N,C,*spatial), (N,O,*output) -> (O,C/groups,*kernel)."""
    channels, out_channels, last = x.shape[1], dy.shape[1], _batch_last(dy)
    shape = (out_channels, channels // groups, *window.kernel)
    if not _is_depthwise(channels, out_channels, groups):
        rows = last.reshape(groups, out_channels // groups, -1)
        return (rows @ _columns(x, window, groups).swapaxes(1, 2)).reshape(shape)
    padded, product, dw = (
        _padded(x, window),
        np.empty_like(last),
        np.empty((channels, *window.kernel), x.dtype),
    )
    for tap, place in _taps(window, dy.shape[2:]):
        dw[tap] = np.multiply(padded[place], last, out=product).reshape(channels, -1).sum(axis=1)
    return dw.reshape(shape)


# ---- windows, with the batch last --------------------------------------------------------------------------


def _columns(x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """(N,C,*spatial) -> (groups,C/groups*kernel,positions*N), contiguous: NumPy hands only such matrices to
    BLAS.
    """
    if _sees_all_once(window):
        return _batch_last(x).reshape(groups, x.shape[1] // groups, -1)
    output, padded = window.output_size(x.shape[2:]), _padded(x, window)
    columns = np.empty((x.shape[1], *window.kernel, *output, len(x)), x.dtype)
    for tap, place in _taps(window, output):
        columns[tap] = padded[place]
    return columns.reshape(groups, -1, math.prod(output) * len(x))


def _padded(x: np.ndarray, window: Window) -> np.ndarray:
    """(N,C,*spatial) -> (C,*padded,N)."""
    canvas = np.zeros(_canvas(x.shape[1], window, x.shape[2:], len(x)), x.dtype)
    canvas[_image(window, x.shape[2:])] = np.moveaxis(x, 0, -1)
    return canvas


def _canvas(channels: int, window: Window, size: Ints, images: int) -> tuple[int, ...]:
    return (
        channels,
        *(b + s + e for b, s, e in zip(window.pads_begin, size, window.pads_end, strict=True)),
        images,
    )


def _image(window: Window, size: Ints) -> Index:
    """Where in the padded input the input is."""
    return (slice(None), *(slice(b, b + s) for b, s in zip(window.pads_begin, size, strict=True)))


def _taps(window: Window, output: Ints) -> Iterator[tuple[Index, Index]]:
    """Each tap of the kernel, as an index of (channels,*kernel,...); and where in the padded input the output
    positions look with it.
    """
    for tap in np.ndindex(window.kernel):
        where = zip(tap, window.dilations, window.strides, output, strict=True)
        yield (
            (slice(None), *tap),
            (slice(None), *(slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, s, o in where)),
        )


def _sees_all_once(window: Window) -> bool:
    """A kernel of one tap that stops everywhere: the columns are the input."""
    return set(window.kernel + window.strides) == {1} and not any(window.pads_begin + window.pads_end)


def _batch_last(x: np.ndarray) -> np.ndarray:
    """(N,C,*spatial) -> (C,*spatial,N), contiguous; no copy if it comes from here."""
    return np.ascontiguousarray(np.moveaxis(x, 0, -1))


def _batch_first(x: np.ndarray) -> np.ndarray:
    """The view back."""
    return np.moveaxis(x, -1, 0)


def _matrices(w: np.ndarray, groups: int) -> np.ndarray:
    """(O,C/groups,*kernel) -> (groups,O/groups,C/groups*kernel)."""
    return w.reshape(groups, len(w) // groups, -1)


def _is_depthwise(channels: int, out_channels: int, groups: int) -> bool:
    return groups == channels == out_channels


def _per_channel(w: np.ndarray, rank: int) -> np.ndarray:
    """(C,) -> (C,1,...), against (C,*spatial,N) of this rank."""
    return w.reshape(-1, *(1,) * (rank - 1))
