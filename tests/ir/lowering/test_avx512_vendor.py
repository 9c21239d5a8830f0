"""The arithmetic of OpenVINO on AVX-512 without VNNI, from its own outputs, float for float.

No such processor need be at hand: skylake_x.npz holds what OpenVINO 2026.4.1 computed on an emulated
Skylake-X (tests/processors/full_system.py), of random layers of every kind that AVX-512 computes otherwise
than AVX2, and of some that it does not. Scales are 1, so outputs are the sums.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpot.ir.dtypes import F32
from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.convolution import Convolution
from numpot.ir.ops.convolution_backprop_data import ConvolutionBackpropData

from ...networks import Network

RECORDED = np.load(Path(__file__).with_name("skylake_x.npz"))
LAYERS: list[dict[str, Any]] = json.loads(RECORDED["layers"].item())


def layer(number: int) -> tuple[Graph, np.ndarray, np.ndarray]:
    """FakeQuantize -> layer; its input; and what OpenVINO made of it."""
    about, x, w = LAYERS[number], RECORDED[f"x{number}"].astype(np.float32), RECORDED[f"w{number}"]
    net = Network(int8=True)
    low = about["range"][0]
    codes = net.quantize(net.input(*x.shape), low, low + 255)
    axis = 1 if about["kind"] == "transposed" else 0
    ones = np.ones([n if i == axis else 1 for i, n in enumerate(w.shape)], np.float32)
    weights = net.do("Multiply", net.do("Convert", w, destination_type=F32), ones)
    if about["kind"] == "matmul":
        return net.result(net.do("MatMul", codes, weights, transpose_b=True)), x, RECORDED[f"y{number}"]
    window = {name: tuple(about[name]) for name in ("strides", "pads_begin", "pads_end", "dilations")}
    if about["kind"] == "transposed":
        return (
            net.result(net.op(ConvolutionBackpropData(**window, output_padding=(0, 0)), codes, weights)),
            x,
            RECORDED[f"y{number}"],
        )
    return (
        net.result(net.op(Convolution(**window, groups=about["groups"]), codes, weights)),
        x,
        RECORDED[f"y{number}"],
    )


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_sums_are_those_of_a_skylake_x(number: int) -> None:
    graph, x, recorded = layer(number)
    expected = recorded.astype(np.float32)
    np.testing.assert_array_equal(Interpreter(graph, arithmetic="saturating-avx512").run(x)["y"], expected)
    np.testing.assert_array_equal(Executor(graph, arithmetic="saturating-avx512").run(x)["y"], expected)
    if LAYERS[number]["differs_from_avx2"]:
        assert not np.array_equal(Interpreter(graph, arithmetic="saturating").run(x)["y"], expected)


def test_every_rule_is_told_apart_by_some_layer() -> None:
    kinds = {
        ("groups" if about["groups"] > 1 else about["kind"]) for about in LAYERS if about["differs_from_avx2"]
    }
    assert kinds == {"groups", "matmul", "transposed"}
