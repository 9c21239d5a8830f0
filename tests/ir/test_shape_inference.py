"""Shape inference where the batch is not known: through operators, and through sub-graphs that compute
shapes.
"""

import numpy as np
import pytest

from numpot.ir.errors import GraphError
from numpot.ir.graph import Tensor
from numpot.ir.shape_inference import MAX_KNOWN_ELEMENTS

from ..networks import Network


def batch_and_rest(net: Network, x: Tensor) -> Tensor:
    """The target of a flattening Reshape as exporters write it: ShapeOf -> Gather the batch -> Concat with
    -1.
    """
    batch = net.do("Gather", net.do("ShapeOf", x), np.array([0]), np.array(0))
    return net.do("Concat", batch, np.array([-1]), axis=0)


def test_a_reshape_computed_from_the_shape_keeps_the_batch_dynamic():
    net = Network()
    x = net.input(-1, 4, 5, 6)
    flat = net.do("Reshape", x, batch_and_rest(net, x))
    assert flat.shape == (-1, 120)
    assert net.result(net.matmul(flat, 3)).nodes["y"].output.shape == (-1, 3)


def test_batch_and_channels_that_trade_places_are_both_told_apart():
    net = Network()
    x = net.input(-1, 7, 11)  # the sizes of the probes themselves
    assert net.do("Transpose", x, np.array([1, 0, 2])).shape == (7, -1, 11)
    assert net.do("Reshape", x, np.array([-1, 11])).shape == (-1, 11)
    assert net.do("Concat", x, x, axis=0).shape == (-1, 7, 11)


def test_a_static_batch_stays_static():
    net = Network()
    x = net.input(1, 4, 5, 6)
    assert net.do("Reshape", x, batch_and_rest(net, x)).shape == (1, 120)


def test_arithmetic_on_shapes_is_evaluated():
    net = Network()
    x = net.input(-1, 4, 6)
    halves = net.do("Divide", net.do("ShapeOf", x), np.array([1, 2, 3]))
    assert [k.value.tolist() for k in halves.known] == [[7, 2, 2], [11, 2, 2]]
    x8 = net.do("Reshape", x, net.do("Multiply", halves, np.array([1, 1, 6])))
    assert x8.shape == (-1, 2, 12)


def test_contents_of_data_are_not_followed():
    """A Constant is known whatever its size; what is computed from a large one is not worth the work."""
    net = Network()
    large = np.zeros(MAX_KNOWN_ELEMENTS + 1, np.float32)
    assert net.do("ReLU", large).known[0].value is None
    assert net.do("ReLU", large[1:]).known[0].value is not None
    assert net.graph.constant(large).known[0].value is large
    assert net.do("ReLU", net.input(2, 3)).known[0].value is None


def refusal(call, *args, **options) -> str:
    with pytest.raises(GraphError) as error:
        call(*args, **options)
    return str(error.value)


def test_a_shape_that_depends_on_data_is_refused():
    net = Network()
    x, target = net.input(-1, 4), net.input(2, name="target", dtype=np.dtype(np.int64))
    message = refusal(net.do, "Reshape", x, target, name="reshape")
    assert (
        message == "layer 'reshape' (Reshape): input 1 must be known before the model runs (a constant, or "
        "computed from shapes)"
    )


def test_a_rank_that_depends_on_the_batch_is_refused():
    net = Network()
    batch = net.do("Gather", net.do("ShapeOf", net.input(-1, 1)), np.array(0), np.array(0))
    ones = net.do(
        "Tile", np.array([1]), net.do("Subtract", net.do("Unsqueeze", batch, np.array([0])), np.array([6]))
    )
    message = refusal(net.do, "Reshape", np.zeros(1, np.float32), ones, name="reshape")
    assert message == "layer 'reshape' (Reshape): the rank of the output depends on the batch size"


def test_sizes_that_nobody_has_are_refused():
    net = Network()
    x = net.input(1, 1000)
    message = refusal(net.do, "Tile", x, np.array([2**20, 2**20]), name="tile")
    assert message == f"layer 'tile' (Tile): output shape [{2**20}, {1000 * 2**20}] is impossibly large"
    message = refusal(net.do, "Unsqueeze", net.input(*(1,) * 8, name="deep"), np.array([0]), name="unsqueeze")
    assert message == "layer 'unsqueeze' (Unsqueeze): output has 9 dimensions; at most 8 are supported"


def test_a_batch_size_that_does_not_fit_is_refused():
    net = Network()
    message = refusal(net.do, "Add", net.input(-1, 3), np.ones((7, 3), np.float32), name="add")
    assert message == "layer 'add' (Add): shapes [11, 3] and [7, 3] do not broadcast"
