"""Random small networks, drawn by hypothesis: chains of layers with residual and concatenated branches, float
or int8.
"""

import numpy as np
from hypothesis import strategies as st

from numpot.ir.graph import Graph, Tensor

from ..networks import Network

RANGES = [(0.0, 6.0), (0.0, 2.7), (-4.0, 4.0 * 127 / 128), (-1.7, 3.4), (-2.0, 5.1)]
SHAPES = {"image": (-1, 6, 7, 6), "rows": (-1, 20)}
STEPS = {
    "image": [
        "conv1x1",
        "conv3x3",
        "strided",
        "grouped",
        "depthwise",
        "max_pool",
        "relu",
        "relu6",
        "residual",
        "projection",
        "concat",
    ],
    "rows": ["matmul", "relu", "relu6", "residual_rows", "concat_rows"],
}


@st.composite
def networks(draw: st.DrawFn, *, int8: bool) -> Graph:
    """Input x, up to six steps, a head, output y. In an int8 network a FakeQuantize of a random range stands
    before every layer.
    """
    net = Network(seed=draw(st.integers(0, 2**16)), int8=int8)
    kind = draw(st.sampled_from(list(SHAPES)))
    x = net.input(*SHAPES[kind])
    for step in draw(st.lists(st.sampled_from(STEPS[kind]), min_size=1, max_size=6)):
        x = _apply(draw, net, step, x)
    if kind == "image" and draw(st.booleans()):
        x = net.mean(x)
        kind = "rows"
    if kind == "rows":
        x = net.matmul(_quantized(draw, net, x), 5)
    return net.result(x)


def inputs(graph: Graph, batch: int) -> np.ndarray:
    """(batch, ...) float32, from a generator of its own."""
    (parameter,) = graph.inputs
    return 2 * np.random.default_rng(batch).standard_normal((batch, *parameter.output.shape[1:])).astype(
        np.float32
    )


def _quantized(draw: st.DrawFn, net: Network, x: Tensor) -> Tensor:
    return net.quantize(x, *draw(st.sampled_from(RANGES)))


def _apply(draw: st.DrawFn, net: Network, step: str, x: Tensor) -> Tensor:
    if step in ("relu", "relu6"):
        return getattr(net, step)(x)
    if step == "max_pool":
        return net.max_pool(x) if min(x.shape[2:]) >= 2 else x
    if step == "depthwise":  # the one layer whose input may have a range per channel
        low, high = (0.0, 1.0) if draw(st.booleans()) else (-1.0, 127 / 128)
        scale = net.rng.uniform(1, 5, x.shape[1])
        return net.depthwise(net.quantize(x, low * scale, high * scale))
    x = _quantized(draw, net, x)
    channels = x.shape[1]
    if step == "conv1x1":
        return net.conv(x, draw(st.sampled_from([3, 8, 17])), bias=draw(st.booleans()))
    if step == "conv3x3":
        return net.conv(x, 8, 3, pad=1)
    if step == "strided":
        return net.conv(x, 9, 3, stride=2, pad=1)
    if step == "grouped":
        return net.conv(x, 2 * channels, 3, pad=1, groups=channels // 3 if channels % 3 == 0 else channels)
    if step == "matmul":
        return net.matmul(x, draw(st.sampled_from([4, 16, 19])))
    if step == "residual":
        return net.do("Add", _quantized(draw, net, net.conv(x, channels, 3, pad=1)), x)
    if step == "projection":
        left, right = (_quantized(draw, net, net.conv(x, 8)) for _ in range(2))
        return net.do("Add", left, right)
    if step == "residual_rows":
        return net.do("Add", x, _quantized(draw, net, net.matmul(x, channels)))
    wide = net.conv(x, 4) if step == "concat" else net.matmul(x, 4)
    bounds = draw(st.sampled_from(RANGES))
    return net.do("Concat", net.quantize(wide, *bounds), net.quantize(x, *bounds), axis=1)
