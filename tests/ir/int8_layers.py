"""Random int8 layers of every kind, many side by side in one model: each reads an input of its own and ends
in a result of its own.
"""

from collections.abc import Callable, Sequence

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops.avg_pool import AvgPool
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.convolution_backprop_data import ConvolutionBackpropData
from numpot.ir.ops.interpolate import Interpolate
from numpot.ir.ops.max_pool import MaxPool

from ..networks import Network

Draw = Callable[["Drawing"], Tensor]


class Drawing(Network):
    """A Network that makes up its numbers."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed, int8=True)

    def some(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.some(low, high), self.some(low, high)

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def codes(self, x: Tensor, *, zero_points: bool = True) -> Tensor:
        """FakeQuantize by a range that is unsigned, symmetric, or has real zero on another code.

        Up to 128, for larger ones the vendor saturates otherwise at borders (docs/differences.md).
        """
        size = float(self.rng.uniform(0.5, 7))
        kind = self.some(0, 2 if zero_points else 1)
        if kind == 0:
            return self.quantize(x, 0, size)
        if kind == 1:
            return self.quantize(x, np.float32(-size) * np.float32(128) / np.float32(127), size)
        step, zero = np.float32(size / 255), np.float32(self.some(1, 128))
        return self.quantize(x, -zero * step, (255 - zero) * step)

    def image(self, *, channels: int | None = None, least: int = 1) -> Tensor:
        """(1,C,H,W) float."""
        return self.input(
            1,
            channels or self.some(2, 40),
            self.some(least, least + 9),
            self.some(least, least + 9),
            name=self._free("x"),
        )

    def finished(self, y: Tensor) -> Tensor:
        """[bias] [activation] [codes for a layer to come, and that layer]."""
        if self.chance(0.8):
            y = self.do(
                "Add",
                y,
                self._normal(*(1, y.shape[1], *(1,) * (len(y.shape) - 2)))
                if len(y.shape) > 2
                else self._normal(y.shape[1]),
            )
        return self.read(self.activated(y))

    def activated(self, y: Tensor) -> Tensor:
        return [lambda: y, lambda: self.relu(y), lambda: self.relu6(y)][self.some(0, 2)]()

    def read(self, y: Tensor) -> Tensor:
        """As it is, or as codes that a convolution or a matrix product reads."""
        reader = self.some(0, 2)
        if reader == 0:
            return y
        y = self.codes(y)
        if reader == 1 and len(y.shape) == 4:
            return self.conv(y, 5)
        return self.matmul(y if len(y.shape) == 2 else self.do("Flatten", y, axis=1), 5)

    def _free(self, base: str) -> str:
        return self.graph.unique_name(f"{base}0")


def convolution(
    kernel: int = 1, stride: int = 1, dilation: int = 1, pad: int = 0, grouped: bool = False
) -> Draw:
    """A convolution of up to these sizes. One in four has many channels, so that a group's products are more
    than one sum (eq. 7a).
    """

    def draw(d: Drawing) -> Tensor:
        groups = d.some(2, 5) if grouped else 1
        depth = d.some(25, 60) if d.chance(0.25) else d.some(1, 9)
        channels = groups * depth if grouped else depth if depth > 20 else None
        window = (d.pair(1, kernel), d.pair(1, stride), d.pair(1, dilation))
        least = max((k - 1) * n + 1 for k, n in zip(window[0], window[2], strict=True))
        x = d.codes(d.image(channels=channels, least=least))
        outputs = groups * d.some(1, 9) if grouped else d.some(1, 40)
        op = Convolution(
            strides=window[1],
            dilations=window[2],
            pads_begin=d.pair(0, pad),
            pads_end=d.pair(0, pad),
            groups=groups,
        )
        return d.finished(d.op(op, x, d._weights(outputs, x.shape[1] // groups, *window[0])))

    return draw


def depthwise(d: Drawing) -> Tensor:
    channels = d.some(2, 40)
    kernel, strides, dilations = d.pair(1, 5), d.pair(1, 2), d.pair(1, 2)
    x = d.image(channels=channels, least=9)
    x = d.codes(x) if d.chance() else d.quantize(x, np.zeros(channels), d.rng.uniform(1, 6, channels))
    op = Convolution(
        strides=strides, dilations=dilations, pads_begin=d.pair(0, 2), pads_end=d.pair(0, 2), groups=channels
    )
    return d.finished(d.op(op, x, d._weights(channels, 1, *kernel)))


def matmul(d: Drawing) -> Tensor:
    """Codes behind a matrix product without a bias are not asked for: the vendor's are garbage at times
    (docs/differences.md).
    """
    x = d.codes(
        d.input(d.some(1, 4), d.some(250, 520) if d.chance(0.3) else d.some(1, 70), name=d._free("x"))
    )
    if d.chance(0.2):
        return d.activated(d.matmul(x, d.some(1, 40), bias=False))
    return d.read(d.activated(d.matmul(x, d.some(1, 40))))


def transposed(d: Drawing) -> Tensor:
    """What the vendor computes on integers, and finishes, everywhere: no zero points, strides below the
    kernel (docs/differences.md).
    """
    kernel = d.pair(1, 4)
    x = d.codes(d.image(least=4), zero_points=False)
    op = ConvolutionBackpropData(
        strides=tuple(d.some(1, min(2, max(1, k - 1))) for k in kernel),
        dilations=(1, 1),
        pads_begin=tuple(d.some(0, k - 1) for k in kernel),
        pads_end=tuple(d.some(0, k - 1) for k in kernel),
        output_padding=(0, 0),
    )
    codes = d.rng.integers(-127, 128, (x.shape[1], d.some(1, 20), *kernel)).astype(np.int8)
    scale = d.rng.uniform(0.5, 1.5, (1, codes.shape[1], 1, 1)) / 1000
    weights = d.do("Multiply", d.do("Convert", codes, destination_type=F32), scale.astype(np.float32))
    return d.finished(d.op(op, x, weights))


def max_pool(d: Drawing) -> Tensor:
    x = d.codes(d.image(least=4))
    kernel = d.pair(1, 4)
    op = MaxPool(kernel=kernel, strides=d.pair(1, 3), dilations=(1, 1), pads_begin=(0, 0), pads_end=(0, 0))
    return d.conv(d.op(op, x), 5)


def avg_pool(d: Drawing) -> Tensor:
    x = d.codes(d.image(least=4))
    kernel = d.pair(1, 4)
    pads = tuple(d.some(0, k // 2) for k in kernel), tuple(d.some(0, k // 2) for k in kernel)
    op = AvgPool(
        kernel=kernel, strides=d.pair(1, 3), pads_begin=pads[0], pads_end=pads[1], exclude_pad=d.chance()
    )
    return d.read(d.op(op, x))


def reduce_mean(d: Drawing) -> Tensor:
    x = d.codes(d.image(least=2))
    return d.read(d.do("ReduceMean", x, np.array([2, 3]), keep_dims=d.chance()))


def concat(d: Drawing) -> Tensor:
    x = d.image()
    low, high = d.codes(x).producer.inputs[1:3]
    assert low.constant is not None and high.constant is not None
    parts = [d.quantize(d.conv(d.codes(x), d.some(1, 20)), low.constant, high.constant) for _ in range(2)]
    return d.conv(d.do("Concat", *parts, axis=1), 5)


def eltwise(type: str) -> Draw:
    def draw(d: Drawing) -> Tensor:
        a = d.image()
        b = d.input(*a.shape, name=d._free("x"))
        return d.read(d.activated(d.do(type, d.codes(a), d.codes(b))))

    return draw


def residual(d: Drawing) -> Tensor:
    """A block of two layers, and the branch around them."""
    skip = d.codes(d.image(channels=d.some(2, 40)))
    y = d.codes(d.activated(d.conv(skip, d.some(1, 40), bias=d.chance())))
    y = d.conv(y, skip.shape[1], bias=d.chance(0.8))
    y = d.codes(d.relu(y) if d.chance(0.2) else y)
    return d.conv(d.codes(d.activated(d.do("Add", *((y, skip) if d.chance() else (skip, y))))), 5)


def projected(d: Drawing) -> Tensor:
    """A residual block whose other branch is a layer too."""
    x = d.codes(d.image())
    channels = d.some(1, 40)
    y = d.codes(d.conv(d.codes(d.activated(d.conv(x, 9))), channels))
    z = d.codes(d.conv(x, channels))
    return d.conv(d.codes(d.activated(d.do("Add", *((y, z) if d.chance() else (z, y))))), 5)


def nearest(d: Drawing) -> Tensor:
    """Larger or smaller images of codes, and a layer that reads them as they are."""
    x = d.codes(d.image())
    op = Interpolate(
        mode="nearest",
        shape_calculation_mode="sizes",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return d.conv(d.op(op, x, np.array(d.pair(1, 20)), np.array([2, 3])), 5)


def linear(d: Drawing) -> Tensor:
    x = d.codes(d.image())
    op = Interpolate(mode="linear_onnx", shape_calculation_mode="sizes")
    return d.conv(d.codes(d.op(op, x, np.array(d.pair(1, 20)), np.array([2, 3]))), 5)


KINDS: dict[str, Draw] = {
    "1x1": convolution(),
    "KxK": convolution(kernel=4, pad=2),
    "strided": convolution(kernel=3, stride=3),
    "dilated": convolution(kernel=3, dilation=3, pad=2),
    "grouped": convolution(kernel=3, pad=1, grouped=True),
    "depthwise": depthwise,
    "transposed": transposed,
    "matmul": matmul,
    "max pool": max_pool,
    "avg pool": avg_pool,
    "mean": reduce_mean,
    "concat": concat,
    "add": eltwise("Add"),
    "multiply": eltwise("Multiply"),
    "residual": residual,
    "projection": projected,
    "nearest": nearest,
    "linear": linear,
}


def layers(kinds: Sequence[str], count: int, seed: int = 0) -> Graph:
    """One model of `count` layers of each kind; the results are named by the kind."""
    d = Drawing(seed)
    for kind in kinds:
        for i in range(count):
            d.result(KINDS[kind](d), name=f"{kind} {i}")
    return d.graph


def inputs_of(graph: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {p.name: (3 * rng.standard_normal(p.output.shape)).astype(np.float32) for p in graph.inputs}
