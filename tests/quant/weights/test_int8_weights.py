"""Weights to integers and back: equation C7, and what is put into the graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import integer_weights
from numpot.quant.ranges.bounds import asymmetric_range, symmetric_weight_range
from numpot.quant.weights.int8_weights import QuantizedWeights, insert_weights, quantize_weights

from ...networks import Network
from ..data.array_data import normal

WEIGHTS = arrays(np.float32, (4, 6), elements=st.floats(-100, 100, width=32))
PER_ROW = {"axis": 1, "keepdims": True}


def symmetric(w: np.ndarray, factor: float = 1.0) -> QuantizedWeights:
    return quantize_weights(w, *symmetric_weight_range(np.abs(w).max(**PER_ROW)), 255, factor)


def asymmetric(w: np.ndarray, factor: float = 1.0) -> QuantizedWeights:
    return quantize_weights(w, *asymmetric_range(w.min(**PER_ROW), w.max(**PER_ROW)), 256, factor)


def test_codes_by_hand():
    """Steps of 1; halves go up, on either side of zero."""
    w = np.array([[127, -127, 1.5, -1.5, 0.4, -0.6]], np.float32)
    found = symmetric(w)
    assert found.codes.tolist() == [[127, -127, 2, -1, 0, -1]] and found.codes.dtype == np.int8
    assert found.scale.tolist() == [[1]] and found.zero_point is None


@given(WEIGHTS)
def test_symmetric_weights_are_within_half_a_step(w):
    found = symmetric(w)
    assert found.zero_point is None and found.codes.min() >= -127
    assert (np.abs(found.values - w) <= found.scale * 0.5001).all()
    np.testing.assert_array_equal(found.codes[w == 0], 0)


@given(WEIGHTS)
def test_asymmetric_weights_are_within_half_a_step(w):
    found = asymmetric(w)
    assert (np.abs(found.values - w) <= found.scale * 0.501).all()


@given(WEIGHTS)
def test_seven_bit_codes_fit_their_range(w):
    """Half of the codes; -63.5 rounds up to -63 and 63.5 to 64."""
    found = symmetric(w, factor=2.0)
    assert found.codes.min() >= -63 and found.codes.max() <= 64
    assert (np.abs(found.values - w) <= found.scale * 0.5001).all()


def test_seven_bits_use_the_whole_of_their_range():
    codes = symmetric(np.linspace(-1, 1, 1001, dtype=np.float32)[None], factor=2.0).codes
    assert (codes.min(), codes.max()) == (-63, 64) and len(np.unique(codes)) == 128


def test_asymmetric_weights_use_all_256_codes():
    found = asymmetric(np.linspace(-1, 3, 1001, dtype=np.float32)[None])
    assert (found.codes.min(), found.codes.max()) == (-128, 127)
    assert found.zero_point is not None and found.zero_point == pytest.approx(-128 + 64, abs=1e-3)
    np.testing.assert_allclose(found.values[0, 250], 0, atol=1e-6)  # real zero is a code


@pytest.mark.parametrize(
    "quantized", [symmetric(normal(4, 6)), asymmetric(normal(4, 6)), symmetric(normal(4, 6), factor=2.0)]
)
def test_the_graph_computes_these_very_values(quantized):
    net = Network()
    old = net.graph.constant(normal(4, 6), "w")
    graph = net.result(insert_weights(net.graph, quantized, old, "layer/fq_weights_1"))
    np.testing.assert_array_equal(Interpreter(graph).run({})["y"], quantized.values)
    assert graph.nodes["layer/fq_weights_1"].type == "Multiply"
    stored = graph.nodes["w/int8"].output.constant
    np.testing.assert_array_equal(stored, quantized.codes)
    found = integer_weights(graph.nodes["layer/fq_weights_1"].output)
    # integers that layers can take have no zero point
    assert (found is None) == (quantized.zero_point is not None)
