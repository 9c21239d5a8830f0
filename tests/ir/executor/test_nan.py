"""A NaN that goes into a layer comes out where the definition says: the executor loses none, and
makes none.
"""

from collections.abc import Callable

import numpy as np
import pytest

from numpot.ir.errors import GraphError
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Tensor
from numpot.ir.interpreter import Interpreter

from ...networks import Network

NAN = float("nan")
LAYERS: dict[str, Callable[[Network, Tensor], Tensor]] = {
    "max pool": lambda net, x: net.max_pool(x),
    "max pool, windows that overlap": lambda net, x: net.max_pool(x, kernel=3, stride=1),
    "relu": lambda net, x: net.relu(x),
    "clamp": lambda net, x: net.relu6(x),
    "convolution": lambda net, x: net.relu6(net.conv(x, 7, 3, pad=1)),
    "convolution and branch": lambda net, x: net.relu(net.do("Add", net.conv(x, 9), x)),
    "depthwise": lambda net, x: net.relu6(net.depthwise(x)),
    "sum": lambda net, x: net.relu6(net.do("Add", x, x)),
    "product": lambda net, x: net.do("Multiply", x, x),
    "hard swish": lambda net, x: net.do("HSwish", x),
    "hard sigmoid": lambda net, x: net.do("HSigmoid", x),
    "mean": lambda net, x: net.mean(x),
    "concat": lambda net, x: net.do("Concat", x, net.conv(x, 3), axis=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_nan_stays_nan_and_nothing_else_becomes_one(name: str) -> None:
    net = Network()
    graph = net.result(LAYERS[name](net, net.input(-1, 9, 7, 6)))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 9, 7, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.02] = np.nan
    x[0, :, :, 0], x[1, 0] = np.nan, np.inf
    expected, found = Interpreter(graph).run(x)["y"], Executor(graph, threads=1).run(x)["y"]
    assert np.isnan(expected).any() and not np.isnan(expected).all()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bounds", [(0.0, NAN), (NAN, 6.0), (NAN, NAN)])
def test_a_bound_that_is_no_number_is_refused(bounds: tuple[float, float]) -> None:
    """As OpenVINO refuses it."""
    net = Network()
    with pytest.raises(GraphError, match=r"\(Clamp\): min and max must be numbers, found "):
        net.do("Clamp", net.input(-1, 3), min=bounds[0], max=bounds[1])
