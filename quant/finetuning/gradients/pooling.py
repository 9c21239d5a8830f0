"""Pools: the mean hands every element of a window its share, the largest takes all (of equals, the first)."""

import numpy as np

from numpot.ir.ops.avg_pool import AvgPool
from numpot.ir.ops.common.windows import Window, spatial_axes

from .movement import to_sources
from .registry import Call, Gradients, forward, gradient


@forward("AvgPool")
def mean_of_windows(op: AvgPool, x: np.ndarray) -> np.ndarray:
    """As the operator, in the type of x."""
    return op.window.taps(x, 0).sum(axis=spatial_axes(x)) / op.divisor(x.shape[2:]).astype(x.dtype)


@gradient("AvgPool")
def avg_pool(call: Call, dy: np.ndarray) -> Gradients:
    x = call.inputs[0]
    share = dy / call.op.divisor(x.shape[2:]).astype(dy.dtype)
    places = _numbers_seen(call.op.window, x)
    shares = np.broadcast_to(share[:, :, *(None,) * (x.ndim - 2)], places.shape)
    return [to_sources(shares, places, x.shape)]


@gradient("MaxPool")
def max_pool(call: Call, dy: np.ndarray) -> Gradients:
    x, window = call.inputs[0], call.op.window
    taps = window.taps(x, -np.inf)
    by_window = (*x.shape[:2], -1, *dy.shape[2:])
    first = taps.reshape(by_window).argmax(axis=2)[:, :, None]
    places = np.take_along_axis(_numbers_seen(window, x).reshape(by_window), first, axis=2)[:, :, 0]
    return [to_sources(dy, places, x.shape)]


def _numbers_seen(window: Window, x: np.ndarray) -> np.ndarray:
    """(N,C,*kernel,*output): the number of the element of x that each tap sees, -1 in the padding."""
    return window.taps(np.arange(x.size).reshape(x.shape), -1)
