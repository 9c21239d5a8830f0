"""Small int8 networks, each with one thing that a runtime may fuse: the vendor must give the same floats for
all of them.
"""

from collections.abc import Callable

import numpy as np

from numpot.ir.graph import Graph, Tensor

from ..networks import Network

RANGES = {
    "unsigned": (0, 6.3),
    "symmetric": (-4, 4 * 127 / 128),
    "narrow": (-1.28, 1.27),
    "misaligned": (-3, 5.1),
    "half": (-1.1, 2.3),
}
SIGNED = (-2, 2 * 127 / 128)


def chain(net: Network, x: Tensor) -> Tensor:
    y = net.relu(net.conv(x, 16, 3, pad=1))
    return net.conv(net.quantize(y, 0, 3.1), 8)


def strided_and_grouped(net: Network, x: Tensor) -> Tensor:
    y = net.relu6(net.conv(x, 12, 3, stride=2, pad=1, groups=4))
    return net.conv(net.quantize(y, 0, 3.1), 9, 3, groups=3)


def depthwise(net: Network, x: Tensor) -> Tensor:
    """The depthwise layer reads a range per channel."""
    y = net.relu6(net.conv(x, 16))
    y = net.relu6(net.depthwise(net.quantize(y, np.zeros(16), np.linspace(1, 6, 16))))
    return net.conv(net.quantize(y, 0, 3.1), 8)


def block(net: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes of a layer, and codes of a second one on top of them: the two branches of a residual block, but
    for the last layer.
    """
    skip = net.quantize(net.relu(net.conv(x, 16)), 0, 3)
    return skip, net.quantize(net.relu(net.conv(skip, 16, 3, pad=1)), 0, 3.1)


def join(net: Network, a: Tensor, b: Tensor) -> Tensor:
    return net.conv(net.quantize(net.relu(net.do("Add", a, b)), 0, 4.1), 8)


def residual(net: Network, x: Tensor) -> Tensor:
    """The Add is fused into the last convolution of the block."""
    skip, y = block(net, x)
    return join(net, net.quantize(net.conv(y, 16, 3, pad=1), *SIGNED), skip)


def residual_on_input_1(net: Network, x: Tensor) -> Tensor:
    skip, y = block(net, x)
    return join(net, skip, net.quantize(net.conv(y, 16, bias=False), *SIGNED))


def residual_depthwise(net: Network, x: Tensor) -> Tensor:
    skip, y = block(net, x)
    return join(net, net.quantize(net.depthwise(y), *SIGNED), skip)


def residual_after_relu(net: Network, x: Tensor) -> Tensor:
    skip, y = block(net, x)
    return join(net, net.quantize(net.relu(net.conv(y, 16)), 0, 2), skip)


def residual_around_max_pool(net: Network, x: Tensor) -> Tensor:
    """The branch around the block comes as codes from a MaxPool."""
    skip, _ = block(net, x)
    skip = net.max_pool(skip)
    y = net.quantize(net.relu(net.conv(skip, 16)), 0, 3.1)
    return join(net, net.quantize(net.conv(y, 16, 3, pad=1), *SIGNED), skip)


def residual_around_one_layer(net: Network, x: Tensor) -> Tensor:
    """Not fused: the sum would be written over what the convolution still reads."""
    skip, _ = block(net, x)
    return join(net, net.quantize(net.conv(skip, 16, 3, pad=1), *SIGNED), skip)


def residual_then_mean(net: Network, x: Tensor) -> Tensor:
    skip, y = block(net, x)
    y = net.relu(net.do("Add", net.quantize(net.conv(y, 16), *SIGNED), skip))
    return net.matmul(net.quantize(net.mean(net.quantize(y, 0, 4.1)), 0, 2), 8)


def residual_matrices(net: Network, x: Tensor) -> Tensor:
    """Not fused: only convolutions absorb an Add."""
    skip = net.quantize(net.relu(net.matmul(x, 16)), 0, 3)
    y = net.quantize(net.relu(net.matmul(skip, 16)), 0, 3.1)
    y = net.relu(net.do("Add", net.quantize(net.matmul(y, 16), *SIGNED), skip))
    return net.matmul(net.quantize(y, 0, 4.1), 8)


def projection(net: Network, x: Tensor) -> Tensor:
    """Both branches are layers: the one on input 0 takes the Add, the other is rounded to codes."""
    left = net.quantize(net.conv(x, 16, 3, pad=1), -3, 3 * 127 / 128)
    return join(net, left, net.quantize(net.conv(x, 16), *SIGNED))


def concat(net: Network, x: Tensor) -> Tensor:
    a = net.quantize(net.relu(net.conv(x, 16)), 0, 3)
    b = net.quantize(net.relu(net.conv(x, 8, 3, pad=1)), 0, 3)
    return net.conv(net.do("Concat", a, b, axis=1), 8)


def max_pool(net: Network, x: Tensor) -> Tensor:
    return net.conv(net.max_pool(net.quantize(net.relu(net.conv(x, 16)), 0, 3)), 8, 3)


def pooled_input(net: Network, x: Tensor) -> Tensor:
    return net.conv(net.max_pool(x), 9)


def head(net: Network, x: Tensor) -> Tensor:
    """Global mean, then a matrix product that gives floats."""
    y = net.mean(net.quantize(net.relu(net.conv(x, 16, 3)), 0, 3))
    return net.matmul(net.quantize(y, 0, 1.5), 10)


def flattened(net: Network, x: Tensor) -> Tensor:
    y = net.quantize(net.relu(net.conv(x, 8, 3)), 0, 3)
    return net.matmul(net.do("Flatten", y, axis=1), 9)


def flattened_input(net: Network, x: Tensor) -> Tensor:
    return net.matmul(net.do("Flatten", x, axis=1), 9)


def two_matrices(net: Network, x: Tensor) -> Tensor:
    y = net.relu(net.matmul(x, 16))
    return net.matmul(net.quantize(y, 0, 3), 9)


NETWORKS: dict[str, tuple[Callable[[Network, Tensor], Tensor], tuple[int, ...]]] = {
    build.__name__: (build, (33,) if build in (two_matrices, residual_matrices) else (8, 7, 7))
    for build in (
        chain, strided_and_grouped, depthwise, concat, max_pool, pooled_input, head, flattened,
        flattened_input, two_matrices, residual, residual_on_input_1, residual_depthwise,
        residual_after_relu, residual_around_max_pool, residual_around_one_layer, residual_then_mean,
        residual_matrices, projection,
    )
}  # fmt: skip


def network(name: str, input_range: str, seed: int = 0) -> Graph:
    """FakeQuantize of the input with one of RANGES, then one of NETWORKS."""
    build, shape = NETWORKS[name]
    net = Network(seed=seed, int8=True)
    return net.result(build(net, net.quantize(net.input(-1, *shape), *RANGES[input_range])))


def samples(name: str) -> np.ndarray:
    """(8, ...) float32, some of it outside every range."""
    return 3 * np.random.default_rng(1).standard_normal((8, *NETWORKS[name][1])).astype(np.float32)
