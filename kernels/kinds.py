"""What kinds of steps there are, and what one is given besides its row."""

from enum import IntEnum
from typing import Any, NamedTuple

from .jit import kernel
from .reference import Array


class Kernel(IntEnum):
    """What a step computes. The letters say of what and to what: codes U, floats F, sums S; R: a residual branch is added."""

    CONVOLUTION_UU = 0
    CONVOLUTION_UF = 1
    CONVOLUTION_US = 2
    CONVOLUTION_UUR = 3  # the branch is codes
    CONVOLUTION_FF = 4
    CONVOLUTION_FFR = 5
    DEPTHWISE_UU = 10
    DEPTHWISE_UF = 11
    DEPTHWISE_US = 12
    DEPTHWISE_FF = 13
    QUANTIZE = 20
    DEQUANTIZE = 21
    ADD = 22
    COPY = 23
    TURN_U = 24  # (C,H,W) to (H,W,C), or back: two axes of an image change places
    TURN_F = 25
    MEAN_FF = 26
    MEAN_UF = 27
    MEAN_UU = 28
    CLIP = 29  # flag: whether `other` gets what a sweep of both finds
    SWEEP = 30
    REQUANTIZE = 31
    PRODUCT = 32
    HARD = 33
    AFFINE = 34
    MAX_POOL_U = 40
    MAX_POOL_F = 41
    AVERAGE_POOL = 42
    RESIZE_CHOSEN = 50
    RESIZE_WEIGHTED = 51


class Worker(NamedTuple):
    """What a thread has for itself, or shares on purpose."""

    tensors: Array  # (tensors,) s64: where each one is, for the images at hand; of this thread
    memory: Array  # flat u8, of this thread: strips.scratch_size of the largest step
    counters: Array  # (steps, share.LINE) s64: of all threads that share the steps, else of this one
    threads: int  # how many share the steps


@kernel
def image_of(shape: Any, images: int) -> tuple[int, int, int, int]:
    return images, shape.height, shape.width, shape.channels


@kernel
def positions_of(shape: Any, images: int) -> tuple[int, int, int]:
    return images, shape.height * shape.width, shape.channels


@kernel
def parts_of(worker: Worker, units: int, most: int) -> int:
    """In how many parts a unit is cut, so that threads that share a step have several units each."""
    if worker.threads == 1:
        return 1
    return max(1, min(most, 4 * worker.threads // max(units, 1)))
