"""Codes against OpenVINO where rounding is hardest: inputs half way between two codes."""

from typing import Any

import numpy as np
import pytest

from numpot.ir.ops import OperatorError
from numpot.ir.ops.common.quantization import quantization_multiplier, quantize

from .battery import OPENVINO_CONFIG

ov = pytest.importorskip("openvino")
F32 = np.float32


def run(function: Any, x: np.ndarray) -> np.ndarray:
    parameter = ov.opset15.parameter(x.shape, F32)
    model = ov.Model([function(parameter)], [parameter])
    return np.array(ov.Core().compile_model(model, "CPU", OPENVINO_CONFIG)(x)[0])


def fake_quantize(node: Any, low: Any, high: Any, out_low: Any, out_high: Any, levels: int = 256) -> Any:
    return ov.opset15.fake_quantize(
        node, *(ov.opset15.constant(F32(v)) for v in (low, high, out_low, out_high)), levels
    )


def symmetric(rng: np.random.Generator) -> tuple[F32, F32]:
    high = F32(rng.uniform(0.1, 7))
    return F32(-high * F32(128) / F32(127)), high


def unsigned(rng: np.random.Generator) -> tuple[F32, F32]:
    return F32(0), F32(rng.uniform(0.1, 7))


def lopsided(rng: np.random.Generator) -> tuple[F32, F32]:
    return F32(-rng.uniform(0.1, 5)), F32(rng.uniform(0.1, 7))


@pytest.mark.parametrize("levels", [256, 255, 16])
@pytest.mark.parametrize("draw", [symmetric, unsigned, lopsided])
def test_codes_of_a_float_tensor_equal_the_vendor_on_ties(draw: Any, levels: int) -> None:
    rng = np.random.default_rng(levels)
    for _ in range(5):
        low, high = draw(rng)
        half_codes = rng.integers(-10, 2 * levels + 10, (1, 8, 32, 64)).astype(F32) / 2
        x = (low + (high - low) / F32(levels - 1) * half_codes).astype(F32)
        codes = quantize(x, *quantization_multiplier(low, high, levels), levels)
        expected = run(lambda node: fake_quantize(node, low, high, 0, levels - 1, levels), x)  # noqa: B023
        np.testing.assert_array_equal(codes, expected)


def identity_convolution(node: Any, channels: int) -> Any:
    """1x1 convolution with int8 weights that changes nothing: makes the vendor compute its input in codes."""
    weights = ov.opset15.constant(np.eye(channels, dtype=np.int8).reshape(channels, channels, 1, 1))
    scaled = ov.opset15.multiply(
        ov.opset15.convert(weights, F32), ov.opset15.constant(np.ones((channels, 1, 1, 1), F32))
    )
    return ov.opset15.convolution(node, scaled, [1, 1], [0, 0], [0, 0], [1, 1])


@pytest.mark.parametrize("draw", [symmetric, unsigned, lopsided])
def test_codes_of_an_integer_layer_equal_the_vendor_on_ties(draw: Any) -> None:
    """Two int8 layers in a row: the range of the second FakeQuantize is an even multiple of the first's step,
    so that half are ties.
    """
    rng = np.random.default_rng(5)
    for _ in range(10):
        low, high = draw(rng)
        step = (high - low) / F32(255)
        zero = np.rint(-low / step)
        factor = F32(2 * rng.integers(1, 4))
        x = ((rng.integers(0, 256, (1, 8, 16, 32)) - zero) * step).astype(F32)
        next_low, next_high = factor * low, factor * high

        def chain(node: Any) -> Any:
            first = identity_convolution(fake_quantize(node, low, high, low, high), 8)  # noqa: B023
            return identity_convolution(fake_quantize(first, next_low, next_high, next_low, next_high), 8)  # noqa: B023

        multiplier, shift = quantization_multiplier(next_low / step, next_high / step, 256)
        accumulator = quantize(x, *quantization_multiplier(low, high, 256), 256) - zero
        once_rounded = (accumulator.astype(np.float64) * multiplier + shift).astype(F32)
        next_step = (next_high - next_low) / F32(255)
        vendor_codes = np.rint(run(chain, x) / next_step) + np.rint(-next_low / next_step)
        np.testing.assert_array_equal(np.clip(np.rint(once_rounded), 0, 255), vendor_codes)


@pytest.mark.parametrize("zero_point", [0, 128, 254])
@pytest.mark.parametrize("scale", [2.0**k for k in (-7, -1, 0, 3)])
def test_codes_equal_onnxruntime_for_powers_of_two(scale: float, zero_point: int) -> None:
    """ONNX adds the zero point after rounding: the same for an even one, where x / scale + zero_point is
    exact.
    """
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    text = """<ir_version: 10, opset_import: ["": 21]>
        g (float[n] x, float scale, uint8 zero) => (uint8[n] codes) {
            codes = QuantizeLinear(x, scale, zero)
        }"""
    session = ort.InferenceSession(
        onnx.parser.parse_model(text).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = (np.arange(-600, 600) / 2 * scale).astype(F32)
    (expected,) = session.run(
        None, {"x": x, "scale": np.array(scale, F32), "zero": np.array(zero_point, np.uint8)}
    )
    np.testing.assert_array_equal(quantize(x, F32(1 / scale), F32(zero_point), 256), expected)


def test_a_range_of_one_point_is_all_code_zero() -> None:
    multiplier, shift = quantization_multiplier(np.array([0, 2], F32), np.array([0, 2], F32), 256)
    np.testing.assert_array_equal(quantize(np.array([-3, 5], F32), multiplier, shift, 256), [0, 0])


def test_reversed_range_is_refused() -> None:
    with pytest.raises(OperatorError, match="low above high"):
        quantization_multiplier(F32(1), F32(-1), 256)
