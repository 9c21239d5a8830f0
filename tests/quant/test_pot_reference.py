"""Default Quantization against POT 2023.3: the same places, the same ranges, the same int8 codes; and what
the result is worth.
"""

import functools

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.native.model import write_model
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import integer_weights
from numpot.quant.default_quantization import quantize

from .data.array_data import ArrayData
from .material import MATERIAL, NAMES, load_data, load_model, needs_material, pot_ranges, top_1

pytest.importorskip("onnx")
pytestmark = needs_material
CASES = [(name, preset) for name in NAMES for preset in ("performance", "mixed")]


@functools.cache
def quantized(name: str, preset: str) -> Graph:
    return quantize(load_model(name), ArrayData(load_data(name).calibration), preset=preset)


def weights(graph: Graph) -> dict[str, np.ndarray]:
    """Quantizer -> the scale of each output channel."""
    nodes = [layer.inputs[1].producer for layer in graph.of_type("Convolution", "MatMul")]
    return {node.name: node.inputs[1].constant.ravel() for node in nodes}


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_quantizers_stand_where_pots_stand(name, preset):
    graph = quantized(name, preset)
    assert {n.name for n in graph.of_type("FakeQuantize")} | weights(graph).keys() == set(
        pot_ranges(name, preset)["names"]
    )


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_ranges_are_pots(name, preset):
    """Every bound within 1e-4 of itself."""
    graph, reference = quantized(name, preset), pot_ranges(name, preset)
    for node in graph.of_type("FakeQuantize"):
        for port, end in enumerate(("input_low", "input_high", "output_low", "output_high"), 1):
            found, expected = node.inputs[port].constant.ravel(), reference[f"{node.name}|{end}"].ravel()
            np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg=f"{node.name} {end}", strict=True)
    for quantizer, scale in weights(graph).items():
        np.testing.assert_allclose(
            scale, reference[f"{quantizer}|output_high"].ravel() / 127, rtol=1e-4, err_msg=quantizer
        )


@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp", "fmnist_mobilenet", "fmnist_resnet"])
def test_weights_are_pots(name):
    """Codes in the file that POT saved. Measured: 4 of 306,680 differ in fmnist_resnet, by one, at ties."""
    ov = pytest.importorskip("openvino")
    model = ov.Core().read_model(MATERIAL / name / "pot" / f"{name}_default_performance.xml")
    layers = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    graph = quantized(name, "performance")
    for layer in graph.of_type("Convolution", "MatMul"):
        constant = layers[layer.name].input_value(1).get_node()
        while constant.get_type_name() != "Constant":
            constant = constant.input_value(0).get_node()
        found = integer_weights(layer.inputs[1])
        assert found is not None
        difference = np.abs(found.codes.astype(int) - constant.data.reshape(found.codes.shape))
        assert difference.max() <= 1 and difference.sum() <= 2 + found.codes.size / 50_000


@pytest.mark.parametrize("preset", ["performance", "mixed"])
@pytest.mark.parametrize("name", NAMES)
def test_predictions_hardly_change(name, preset):
    """On 200 images, against the float model."""
    x = load_data(name).test[:200]
    expected, found = (
        Executor(g).run(x)["logits"].argmax(1) for g in (load_model(name), quantized(name, preset))
    )
    assert np.mean(expected == found) >= (0.9 if name in ("digits_cnn", "fmnist_mobilenet_hard") else 0.97)


@pytest.mark.parametrize(
    "name", ["digits_cnn", "digits_mlp", "fmnist_mobilenet", "fmnist_mobilenet_hard", "fmnist_resnet"]
)
def test_whole_models_are_the_vendors(name):
    """Share of images whose ten logits are all bit-identical to OpenVINO's.

    Measured on 50 images: 100 % where no Add is fused; with fused Adds 72 to 98 %, because the vendor rounds
    once where we round twice, and about one code in 100,000 falls on the other side. A wrong rule makes
    nearly every image differ.
    """
    pytest.importorskip("openvino")
    from ..ir.vendor_model import run_openvino
    from ..ir.vendors import openvinos

    graph, x = quantized(name, "performance"), load_data(name).test[:50]
    ours, vendor = Executor(graph, arithmetic=openvinos()).run(x)["logits"], run_openvino(graph, x)
    assert np.mean((ours == vendor).all(axis=1)) >= (1 if name.startswith("digits") else 0.6)
    np.testing.assert_array_equal(ours.argmax(1), vendor.argmax(1))
    np.testing.assert_allclose(ours, vendor, rtol=0, atol=0.03 * float(np.abs(vendor).max()))


# ---- worth -------------------------------------------------------------------------------------------------


def test_accuracy_of_digits():
    """POT's own result loses 2.4 points here."""
    assert top_1(quantized("digits_cnn", "performance"), "digits_cnn") >= 94.6


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["performance", "mixed"])
@pytest.mark.parametrize("name", ["fmnist_mobilenet", "fmnist_resnet"])
def test_accuracy_is_kept(name, preset):
    assert abs(top_1(quantized(name, preset), name) - top_1(load_model(name), name)) <= 0.3


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["layer_noise", "auto"])
def test_noise_in_layers_mends_channels_of_different_sizes(estimator):
    """fmnist_mobilenet_hard, top-1 on 10,000 images: float 91.46 %, POT's estimators 88.5, `mse` 87.4;
    measured here: 91.0.
    """
    name = "fmnist_mobilenet_hard"
    graph = quantize(load_model(name), ArrayData(load_data(name).calibration), range_estimator=estimator)
    assert top_1(graph, name) >= 90.7


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp", "fmnist_mobilenet", "fmnist_resnet"])
def test_noise_in_layers_costs_no_other_model_accuracy(name):
    graph = quantize(load_model(name), ArrayData(load_data(name).calibration), range_estimator="layer_noise")
    assert top_1(graph, name) >= top_1(quantized(name, "performance"), name) - 0.05


@pytest.mark.parametrize("name", ["fmnist_mobilenet", "fmnist_resnet"])
def test_files_shrink(name, tmp_path):
    for graph, kind in ((load_model(name), "float"), (quantized(name, "performance"), "int8")):
        write_model(graph, tmp_path / f"{kind}.xml")
    assert (tmp_path / "int8.bin").stat().st_size <= 0.30 * (tmp_path / "float.bin").stat().st_size
