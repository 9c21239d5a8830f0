"""The measure of a step: the same for weights that do the same."""

from typing import Any

import numpy as np
import pytest

from numpot.ir.graph import Node
from numpot.quant.finetuning.units import bias_unit, typical_size, weight_unit
from tests.networks import Network
from tests.quant.data.array_data import normal

ONES = (1, 1)
WINDOW = {"strides": ONES, "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": ONES}


def layer(type: str, x: np.ndarray, w: np.ndarray, **attributes: Any) -> Node:
    net = Network()
    return net.do(type, net.input(*x.shape), w, **attributes).producer


#: type and attributes of a layer, input, and the shape of the weights
LAYERS = [
    ("Convolution", WINDOW, (3, 4, 5, 5), (6, 4, 2, 1)),
    ("Convolution", WINDOW | {"groups": 2}, (3, 4, 5, 5), (6, 2, 2, 1)),
    ("Convolution", WINDOW | {"groups": 4}, (3, 4, 5, 5), (4, 1, 3, 3)),
    ("ConvolutionBackpropData", WINDOW | {"output_padding": (0, 0)}, (3, 4, 5, 5), (4, 6, 2, 1)),
    ("ConvolutionBackpropData", WINDOW | {"output_padding": (0, 0), "groups": 2}, (3, 4, 5, 5), (4, 3, 2, 1)),
    ("MatMul", {"transpose_b": True}, (3, 4), (6, 4)),
    ("MatMul", {}, (2, 3, 4), (4, 6)),
    ("MatMul", {"transpose_a": True}, (2, 4, 3), (4, 6)),
    ("MatMul", {}, (3, 4), (4,)),
]


@pytest.mark.parametrize(("type", "attributes", "shape", "weights"), LAYERS)
def test_a_step_of_all_weights_is_as_large_as_the_output(
    type: str, attributes: dict[str, Any], shape: tuple[int, ...], weights: tuple[int, ...]
) -> None:
    """Inputs that are at their typical size throughout, times the units, make outputs of the typical size
    times the root of how many weights there are to an output, as none of these steps goes the other way."""
    channels = -2 if "transpose_a" in attributes else -1 if type == "MatMul" else 1
    x = np.moveaxis(
        np.broadcast_to(
            np.array([1, 4, 0.5, 2], np.float32), np.moveaxis(np.empty(shape), channels, -1).shape
        ),
        -1,
        channels,
    )
    node = layer(type, x, np.ones(weights, np.float32), **attributes)
    y = normal(*node.output.shape) * (
        1 + np.arange(node.output.shape[1 if type != "MatMul" else -1])
    ).reshape(-1, *ONES[: 2 * (type != "MatMul")])
    unit = weight_unit(weights, x, y.astype(np.float32), node) * np.ones(weights, np.float32)
    found = node.op.evaluate(x, unit)
    wanted = typical_size(
        y, () if len(weights) == 1 else (1, y.shape[1], 1, 1) if type != "MatMul" else y.shape[-1:]
    )
    # at the border fewer terms meet
    inside = found[:, :, 1:-1] if type == "ConvolutionBackpropData" else found
    terms = node.op.evaluate(np.ones_like(x), np.ones(weights, np.float32)).max()
    np.testing.assert_allclose(inside, np.broadcast_to(wanted * np.sqrt(terms), inside.shape), rtol=1e-5)


def test_a_dead_channel_moves_slowly_and_not_never() -> None:
    sums = normal(8, 3, 4, 4)
    sums[:, 1] = 0
    unit = bias_unit(sums, np.zeros((1, 3, 1, 1), np.float32))
    assert unit.shape == (1, 3, 1, 1)
    assert np.isclose(unit[0, 1], 0.01 * unit.max()) and np.isclose(
        unit[0, 0], np.sqrt(np.square(sums[:, 0]).mean())
    )
    assert np.isclose(typical_size(sums, ()), np.sqrt(np.square(sums).mean()))
