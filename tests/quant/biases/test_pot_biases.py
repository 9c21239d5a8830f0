"""Biases after correction, against those in the models that POT 2023.3 wrote."""

import functools
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.graph import Graph
from numpot.quant.default_quantization import quantize
from numpot.quant.layers.weighted_layers import bias_add, weighted_layers

from ..data.array_data import ArrayData
from ..material import MATERIAL, NAMES, load_data, load_model, needs_material

pytest.importorskip("onnx")
pytestmark = needs_material
FULL = Path(__file__).with_name("pot_full_bias.npz")  # see README.md


@functools.cache
def quantized(name: str, use_fast_bias: bool) -> Graph:
    return quantize(load_model(name), ArrayData(load_data(name).calibration), use_fast_bias=use_fast_bias)


def biases(graph: Graph) -> dict[str, np.ndarray]:
    """Layer -> its bias, flat; a layer without a constant Add behind it is left out."""
    adds = {n.name: bias_add(n) for n in graph.of_type("Convolution", "MatMul")}
    return {name: np.ravel(add.inputs[1].constant) for name, add in adds.items() if add is not None}


def fast_biases_of_pot(name: str) -> dict[str, np.ndarray]:
    ov = pytest.importorskip("openvino")
    found = {}
    for layer in (
        ov.Core().read_model(MATERIAL / name / "pot" / f"{name}_default_performance.xml").get_ordered_ops()
    ):
        if layer.get_type_name() in ("Convolution", "GroupConvolution", "MatMul"):
            (reader,) = layer.output(0).get_target_inputs()
            constant = reader.get_node().input_value(1).get_node()
            while constant.get_type_name() != "Constant":
                constant = constant.input_value(0).get_node()
            found[layer.get_friendly_name()] = np.array(constant.data, np.float32).ravel()
    return found


def assert_close(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for layer, bias in expected.items():
        np.testing.assert_allclose(
            found[layer], bias, rtol=1e-3, atol=1e-6 * np.abs(bias).max(), err_msg=layer
        )


@pytest.mark.parametrize("name", NAMES)
def test_fast_bias_correction_is_pots(name):
    """Every element within 1e-3 of itself, or, where terms cancel out, within 1e-6 of the largest of its
    layer.
    """
    graph = quantized(name, True)
    assert_close(biases(graph), fast_biases_of_pot(name))
    before = biases(load_model(name))
    changed = {layer for layer, bias in biases(graph).items() if not np.array_equal(bias, before.get(layer))}
    assert set(graph.info["quantization"]["corrected_biases"]) <= changed  # alignment changes further ones


@pytest.mark.parametrize("name", ["digits_cnn", "fmnist_resnet", "fmnist_mobilenet"])
def test_bias_correction_is_pots(name):
    """Layer after layer, where errors would add up; measured: 6e-6."""
    graph = quantized(name, False)
    reference = np.load(FULL)
    expected = {key.partition("|")[2]: reference[key] for key in reference if key.startswith(f"{name}|")}
    assert_close(biases(graph), expected)
    assert (
        len(graph.info["quantization"]["corrected_biases"])
        == len(expected)
        == len(weighted_layers(load_model(name)))
    )
