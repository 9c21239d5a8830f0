"""Find out which arithmetic a runtime uses on this processor: it runs layers whose pairs of products clip,
and so does numpot in each arithmetic.

One model holds a layer of every kind, unsigned and signed codes apart, each with an input and a result of its
own. What the runtime gives is compared with each of numpot's arithmetics; two that pair the products of a
kind alike give the same. Weights are drawn so that many pairs clip, and numbers of channels are odd where
that tells who is whose neighbour (kernels/saturation.py, PAIR_RULES).

numpot writes signed codes to ONNX as uint8, 128 larger. Models of other tools have int8 there, for which
onnxruntime has other kernels: it is asked for these with operators of its own.
"""

import functools
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, get_args

import numpy as np

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph, Tensor
from numpot.ir.interpreter import Interpreter
from numpot.ir.lowering.lower import IntegerArithmetic
from numpot.ir.ops import OPERATORS, Operator
from numpot.kernels import reference

from ..errors import CompareError
from .registry import VENDORS, find_vendor
from .vendor import Arrays

ARITHMETICS: Final[tuple[IntegerArithmetic, ...]] = get_args(IntegerArithmetic)
INT8: Final = "int8"
SIGNS: Final = {"unsigned": (0.0, 255.0), "signed": (-128.0, 127.0)}
# of a layer's codes within one of numpot's: the runtime may round a bias or a tie otherwise
CODES_ALIKE: Final = 0.99
_WINDOW: Final = {"strides": (1, 1), "dilations": (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0)}


@dataclass(frozen=True)
class Kind:
    """One layer: the shape of its input, that of its weights, and its attributes."""

    x: tuple[int, ...]
    w: tuple[int, ...]
    groups: int = 1
    is_transposed: bool = False


KINDS: Final = {
    "matrix product": Kind((9, 16), (24, 16)),
    "long matrix product": Kind((9, 301), (24, 301)),  # 151 and 150 products, where it is summed in halves
    "convolution": Kind((1, 16, 7, 7), (8, 16, 3, 3)),
    "convolution, odd channels": Kind((1, 3, 9, 9), (16, 3, 3, 3)),
    "convolution of groups": Kind((1, 9, 7, 7), (12, 3, 3, 3), groups=3),
    "convolution of one channel": Kind((1, 1, 9, 9), (16, 1, 3, 3)),
    "depthwise convolution": Kind((1, 16, 7, 7), (16, 1, 3, 3), groups=16),
    "transposed convolution": Kind((1, 16, 5, 5), (16, 8, 3, 3), is_transposed=True),
}


@dataclass(frozen=True)
class Probe:
    """What a runtime computes here. fits: kind of layer and sign of its codes -> the arithmetics that give
    its numbers.

    processor: the largest instruction set that the runtime may use, as people call it.
    """

    runtime: str
    version: str
    processor: str
    fits: dict[tuple[str, str], tuple[IntegerArithmetic, ...]]

    @property
    def arithmetic(self) -> IntegerArithmetic:
        """The one that fits most layers; the plainest where several do."""
        # max keeps the first of equals
        return max(ARITHMETICS, key=lambda a: sum(a in fit for fit in self.fits.values()))

    @property
    def departures(self) -> list[str]:
        """Layers that have another arithmetic than `arithmetic`. Codes stored as int8 apart, which numpot
        writes to no file.
        """
        return [
            f"{kind} of {sign} codes"
            for (kind, sign), fit in self.fits.items()
            if self.arithmetic not in fit and sign != INT8
        ]

    @property
    def does(self) -> str:
        """ "OpenVINO 2026.4.1 saturates on this processor (AVX2)"."""
        verb = "computes exact sums" if self.arithmetic == "exact" else "saturates"
        return f"{VENDORS[self.runtime].title} {self.version} {verb} on this processor ({self.processor})"

    def as_text(self, kind: str, sign: str) -> str:
        """The plainest arithmetic that fits, or "another"; nothing where it was not asked."""
        return next(iter(self.fits[kind, sign]), "another") if (kind, sign) in self.fits else ""

    def as_json(self) -> dict[str, object]:
        layers = [
            {"layer": kind, "codes": sign, "arithmetics": list(fit)}
            for (kind, sign), fit in self.fits.items()
        ]
        return {
            "version": self.version,
            "processor": self.processor,
            "arithmetic": self.arithmetic,
            "layers": layers,
        }


def installed_runtimes() -> list[str]:
    """Those that can be asked. Raises CompareError if there is none."""
    found = [name for name, vendor in VENDORS.items() if vendor.is_installed]
    if not found:
        raise CompareError("no runtime is installed that could be asked: pip install 'numpot[vendors]'")
    return found


def probe(runtime: str) -> Probe:
    """Ask a runtime, in this process and its environment. Raises MissingExtraError, CompareError for an
    unknown runtime.
    """
    variable = find_vendor(runtime).isa_variable
    return _probe(runtime, os.environ.get(variable, "") if variable else "")


@functools.lru_cache
def _probe(runtime: str, max_isa: str) -> Probe:
    """Once for each environment, because what it finds stays true."""
    graph, inputs = layers_that_clip()
    with TemporaryDirectory() as folder:
        found = VENDORS[runtime].compile(graph, Path(folder))(inputs)
    expected = {a: _codes(graph, Interpreter(graph, arithmetic=a).run(inputs)) for a in ARITHMETICS}
    codes = _codes(graph, found)
    fits = {
        (kind, sign): tuple(
            a for a in ARITHMETICS if _alike(codes[f"{kind} {sign}"], expected[a][f"{kind} {sign}"])
        )
        for kind in KINDS
        for sign in SIGNS
    }
    if runtime == "onnxruntime":
        fits["matrix product", INT8] = _fits_of_int8(graph, inputs)
    return Probe(
        runtime,
        version(runtime),
        processor() + (f", {VENDORS[runtime].isa_variable}={max_isa}" if max_isa else ""),
        fits,
    )


def _fits_of_int8(graph: Graph, inputs: Arrays) -> tuple[IntegerArithmetic, ...]:
    """The arithmetics that give onnxruntime's MatMulInteger of int8 codes, on the signed matrix product of
    the model.
    """
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    name = "matrix product signed"
    codes = inputs[f"{name} x"].astype(np.int8)
    w = graph.nodes[f"{name} layer"].inputs[1].producer.inputs[0].producer.inputs[0].constant
    assert w is not None
    graph_proto = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "int8",
        [helper.make_tensor_value_info("x", TensorProto.INT8, codes.shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT32, None)],
        [numpy_helper.from_array(np.ascontiguousarray(w.T), "w")],
    )
    model = helper.make_model(
        graph_proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()
    (sums,) = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": codes})
    shifted = (codes.astype(np.int16) + 128).astype(np.uint8)
    kernels = {a: reference.GEMM["exact" if a == "exact" else "saturating"] for a in ARITHMETICS}
    return tuple(a for a, gemm in kernels.items() if np.array_equal(gemm(shifted, w.T, 128), sums))


def processor() -> str:
    """The largest instruction set of this processor that concerns products of bytes."""
    from numpot.kernels.codegen import isa  # reads the processor's features, by LLVM

    names = {
        "amx": "AMX",
        "avx512vnni": "AVX-512 with VNNI",
        "avxvnni": "AVX2 with VNNI",
        "avx512bw": "AVX-512",
        "avx2": "AVX2",
    }
    best = next(iter(isa.available()))
    return names.get(
        best,
        "neither AVX2 nor VNNI"
        if platform.machine().lower() in ("x86_64", "amd64")
        else f"{platform.machine()}, {best}",
    )


def _alike(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.mean(np.abs(found - expected) <= 1) >= CODES_ALIKE)


def _codes(graph: Graph, results: Arrays) -> Arrays:
    """In units of the FakeQuantize in front of each Result, float64."""
    codes: Arrays = {}
    for node in graph.outputs:
        low, high = (t.constant for t in node.inputs[0].producer.inputs[1:3])
        codes[node.name] = np.rint(results[node.name].astype(np.float64) / (high - low) * 255)  # type: ignore[operator]
    return codes


# ---- the model ---------------------------------------------------------------------------------------------


@functools.lru_cache
def layers_that_clip() -> tuple[Graph, Arrays]:
    """FakeQuantize -> layer -> FakeQuantize for each kind and sign, and inputs. Results are named "kind
    sign".
    """
    bare, inputs = _layers({})
    sums = Interpreter(bare, arithmetic="exact").run(inputs)
    return _layers({name: float(np.abs(y).max()) for name, y in sums.items()})


def _layers(largest: dict[str, float]) -> tuple[Graph, Arrays]:
    """largest: of each result, for the FakeQuantize in front of it; none there if it is empty."""
    graph, inputs = Graph("layers_that_clip"), Arrays()
    rng = np.random.default_rng(0)
    for kind, layer in KINDS.items():
        for sign, (low, high) in SIGNS.items():
            name = f"{kind} {sign}"
            inputs[f"{name} x"] = rng.integers(int(low), int(high) + 1, layer.x).astype(np.float32)
            x = graph.add(OPERATORS["Parameter"](element_type=F32, shape=layer.x), name=f"{name} x").output  # type: ignore[call-arg]
            y = graph.add(
                _operator(layer),
                [_fake_quantize(graph, x, low, high), _weights(graph, rng, layer)],
                name=f"{name} layer",
            ).output
            if largest:
                y = _fake_quantize(graph, y, -largest[name] * 128 / 127, largest[name])
            graph.add(OPERATORS["Result"](), [y], name=name)
    return graph, inputs


def _operator(layer: Kind) -> Operator:
    if len(layer.w) == 2:
        return OPERATORS["MatMul"](transpose_b=True)  # type: ignore[call-arg]
    if layer.is_transposed:
        return OPERATORS["ConvolutionBackpropData"](**_WINDOW, output_padding=(0, 0))  # type: ignore[call-arg]
    return OPERATORS["Convolution"](**_WINDOW, groups=layer.groups)  # type: ignore[call-arg]


def _fake_quantize(graph: Graph, x: Tensor, low: float, high: float) -> Tensor:
    ends = [graph.constant(np.asarray(end, np.float32)) for end in (low, high, low, high)]
    return graph.add(OPERATORS["FakeQuantize"](levels=256), [x, *ends]).output  # type: ignore[call-arg]


def _weights(graph: Graph, rng: np.random.Generator, layer: Kind) -> Tensor:
    """int8 codes with the scale 1, as a quantized model stores them."""
    codes = graph.constant(rng.integers(-127, 128, layer.w).astype(np.int8))
    channels = [1] * len(layer.w)
    channels[1 if layer.is_transposed else 0] = layer.w[1 if layer.is_transposed else 0]
    real = graph.add(OPERATORS["Convert"](destination_type=F32), [codes]).output  # type: ignore[call-arg]
    return graph.add(OPERATORS["Multiply"](), [real, graph.constant(np.ones(channels, np.float32))]).output
