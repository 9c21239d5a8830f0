"""Which bits, mode and granularity a quantizer gets: the device's table, what the user asks for, and the
preset.
"""

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.lowering.lower import integer_layers, integer_weights
from numpot.quant.default_quantization import quantize
from numpot.quant.placement.placement import find_quantizers
from numpot.quant.ranges.parameters import read_quantizer
from numpot.quant.ranges.schemes import activation_scheme, weight_scheme

from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(20, 3, 8, 8)
WANTED = {
    "nothing": {},
    "4 bits": {"bits": 4},
    "asymmetric": {"mode": "asymmetric"},
    "symmetric": {"mode": "symmetric"},
    "per tensor": {"granularity": "pertensor"},
    "per channel": {"granularity": "perchannel"},
    "levels": {"level_low": -100, "level_high": 100},
}


def network():
    """stem reads the input; `filter`, a depthwise convolution, reads one tensor alone and another with
    `other`.
    """
    net = Network()
    x = net.relu(net.conv(net.input(-1, 3, 8, 8), 8, name="stem"))
    alone = net.depthwise(net.relu(net.conv(x, 8, name="expand")), name="filter")
    shared = net.relu(net.conv(alone, 8, name="project"))
    both = net.do(
        "Add", net.depthwise(shared, name="filter2"), net.conv(shared, 8, name="other"), name="join"
    )
    return net.result(net.matmul(net.mean(both), 5, name="head"))


def activation_schemes(preset: str, wanted: dict) -> dict:
    asked = read_quantizer("activations", wanted)
    return {
        q.name: activation_scheme(q, preset, asked) for q in find_quantizers(network()) if not q.is_weight
    }


@pytest.mark.parametrize(
    ("preset", "mode"), [("performance", "symmetric"), ("mixed", "asymmetric"), ("accuracy", "asymmetric")]
)
def test_presets(preset, mode):
    schemes = activation_schemes(preset, {})
    assert {s.mode for s in schemes.values()} == {mode} and {
        (s.bits, s.levels, s.signed) for s in schemes.values()
    } == {(8, 256, False)}
    # filter2 shares its tensor with `other`
    assert [name for name, s in schemes.items() if s.per_channel] == ["filter/fq_input_0"]
    weights = weight_scheme(preset, read_quantizer("weights", {}))
    assert (weights.mode, weights.levels) == (
        ("asymmetric", 256) if preset == "accuracy" else ("symmetric", 255)
    )
    assert weights.per_channel


@pytest.mark.parametrize(
    ("wanted", "preset", "expected"),
    [
        ("4 bits", "performance", (4, "symmetric", 15)),
        ("4 bits", "accuracy", (4, "asymmetric", 16)),
        ("asymmetric", "performance", (8, "asymmetric", 256)),
        ("symmetric", "accuracy", (8, "symmetric", 255)),
        ("levels", "performance", (8, "symmetric", 201)),
    ],
)
def test_weights_as_asked_for(wanted, preset, expected):
    scheme = weight_scheme(preset, read_quantizer("weights", WANTED[wanted]))
    assert (scheme.bits, scheme.mode, scheme.levels) == expected and scheme.per_channel


@pytest.mark.parametrize(
    ("wanted", "preset", "mode", "levels", "per_channel"),
    [
        ("4 bits", "performance", "symmetric", 16, 1),
        ("4 bits", "mixed", "asymmetric", 16, 1),
        ("asymmetric", "performance", "asymmetric", 256, 1),
        ("symmetric", "mixed", "symmetric", 256, 1),
        ("per tensor", "performance", "symmetric", 256, 0),
        ("per channel", "performance", "symmetric", 256, 10),
        ("levels", "performance", "symmetric", 201, 1),
    ],
)
def test_activations_as_asked_for(wanted, preset, mode, levels, per_channel):
    schemes = activation_schemes(preset, WANTED[wanted])
    assert {(s.mode, s.levels) for s in schemes.values()} == {(mode, levels)}
    assert sum(s.per_channel for s in schemes.values()) == min(per_channel, len(schemes))
    assert all(s.signed == (wanted == "levels") for s in schemes.values())


@pytest.mark.parametrize("activations", WANTED)
@pytest.mark.parametrize("weights", WANTED)
def test_every_combination_runs_as_simulated(weights, activations):
    """Integers where all is 8 bits and one range, and the same result, but for a code here and there, as
    FakeQuantize in float.
    """
    graph = network()
    quantized = quantize(graph, ArrayData(X), weights=WANTED[weights], activations=WANTED[activations])
    found, simulated = (Executor(quantized, arithmetic=a).run(X)["y"] for a in ("exact", "simulated"))
    expected = Executor(graph).run(X)["y"]
    np.testing.assert_allclose(found, simulated, rtol=0, atol=0.03 * np.abs(simulated).max())
    error = np.sqrt(np.mean(np.square(simulated - expected)) / np.mean(np.square(expected)))
    assert 0 < error < (0.9 if "4 bits" in (weights, activations) else 0.35)
    integer = set(integer_layers(quantized).values())
    if activations in ("4 bits", "levels") or weights == "asymmetric":
        assert integer == {False}
    elif activations != "per channel":
        assert integer == {True}


@pytest.mark.parametrize("bits", range(2, 9))
def test_codes_use_the_bits_that_are_given(bits):
    quantized = quantize(
        network(), ArrayData(X), weights={"bits": bits}, activations={"bits": bits}, saturation_fix="no"
    )
    for layer in quantized.of_type("Convolution", "MatMul"):
        found = integer_weights(layer.inputs[1])
        assert found is not None and np.abs(found.codes).max() == 2 ** (bits - 1) - 1
    assert {n.op.levels for n in quantized.of_type("FakeQuantize")} == {2**bits}


def test_weights_of_fewer_bits_need_no_saturation_fix():
    """7 bits are safe: halving 4 bits as well, as POT does, would leave 3."""
    safe, fixed = (
        quantize(network(), ArrayData(X), weights={"bits": 4}, saturation_fix=fix) for fix in ("no", "all")
    )
    for layer in safe.of_type("Convolution", "MatMul"):
        np.testing.assert_array_equal(
            *(integer_weights(g.nodes[layer.name].inputs[1]).codes for g in (safe, fixed))
        )


@pytest.mark.parametrize("device", ["CPU", "CPU_SPR", "GPU"])
def test_only_cpus_that_may_saturate_get_narrower_weights(device):
    narrowed = quantize(network(), ArrayData(X), target_device=device).info["quantization"][
        "narrowed_weights"
    ]
    # the first, and one that alignment has made larger
    assert narrowed == (["project", "stem"] if device == "CPU" else [])
