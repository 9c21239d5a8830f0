"""The measure of a step: the same for weights that do the same."""

from typing import Any

import numpy as np
import pytest

from numpot.ir.graph import Node
from numpot.quant.finetuning.units import bias_unit, typical_size, weight_unit
from tests.networks import Network
from tests.quant.array_data import normal

ONES = (1, 1)
WINDOW = {"strides": ONES, "pads_begin": (0, 0), "pads_end": (0, 0), "dilations": ONES}


def layer(type: str, x: np.ndarray, w: np.ndarray, **attributes: Any) -> Node:
    net = Network()
    return net.do(type, net.input(*x.shape), w, **attributes).producer


#: type and attributes of a layer, input, weights, the input's channel axis, and for each channel the weights that are multiplied by it
LAYERS = [
    ("Convolution", WINDOW, normal(3, 4, 5, 5), normal(6, 4, 2, 1), 1, lambda i: np.s_[:, i]),
    (
        "Convolution",
        WINDOW | {"groups": 2},
        normal(3, 4, 5, 5),
        normal(6, 2, 2, 1),
        1,
        lambda i: np.s_[3 * (i // 2) : 3 * (i // 2) + 3, i % 2],
    ),
    ("ConvolutionBackpropData", WINDOW | {"output_padding": (0, 0)}, normal(3, 4, 5, 5), normal(4, 6, 2, 1), 1, lambda i: np.s_[i]),
    ("MatMul", {"transpose_b": True}, normal(3, 4), normal(6, 4), -1, lambda i: np.s_[:, i]),
    ("MatMul", {}, normal(2, 3, 4), normal(4, 6), -1, lambda i: np.s_[i]),
    ("MatMul", {"transpose_a": True}, normal(2, 4, 3), normal(4, 6), -2, lambda i: np.s_[i]),
    ("MatMul", {}, normal(3, 4), normal(4), -1, lambda i: np.s_[i]),
]


@pytest.mark.parametrize(("type", "attributes", "x", "w", "axis", "read"), LAYERS)
def test_channels_that_are_scaled_and_scaled_back_have_the_same_steps(
    type: str, attributes: dict[str, Any], x: np.ndarray, w: np.ndarray, axis: int, read: Any
) -> None:
    unit = weight_unit(w, x, layer(type, x, w, **attributes)) * np.ones_like(w)
    scaled, back = np.moveaxis(x.copy(), axis, 0), w.copy()
    expected = unit.copy()
    for i, factor in enumerate((4.0, 1.0, 0.5, 2.0)):
        scaled[i] *= np.float32(factor)
        back[read(i)] /= np.float32(factor)
        expected[read(i)] /= np.float32(factor)
    scaled = np.moveaxis(scaled, 0, axis)
    found = weight_unit(back, scaled, layer(type, scaled, back, **attributes)) * np.ones_like(w)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_where_all_inputs_are_alike_it_is_the_largest_weight_of_the_channel() -> None:
    x, w = np.ones((2, 3, 4, 4), np.float32), normal(5, 3, 2, 2)
    largest = np.abs(w).max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(
        weight_unit(w, x, layer("Convolution", x, w, **WINDOW)) * np.ones_like(w), largest * np.ones_like(w), rtol=1e-6
    )


def test_a_dead_channel_moves_slowly_and_not_never() -> None:
    sums = normal(8, 3, 4, 4)
    sums[:, 1] = 0
    unit = bias_unit(sums, np.zeros((1, 3, 1, 1), np.float32))
    assert unit.shape == (1, 3, 1, 1)
    assert np.isclose(unit[0, 1], 0.01 * unit.max()) and np.isclose(unit[0, 0], np.sqrt(np.square(sums[:, 0]).mean()))
    assert np.isclose(typical_size(sums, ()), np.sqrt(np.square(sums).mean()))
