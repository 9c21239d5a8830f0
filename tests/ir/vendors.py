"""What the vendors on this machine compute, by their own word: tests of integers take their expectation from
it (quant/vendors/probe.py).

A processor with VNNI can also be asked to do as one without it, AVX2, by a variable that OpenVINO reads when
it is imported.
"""

import os

from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import INTEGER_LAYERS, IntegerArithmetic
from numpot.quant.vendors.openvino import AVX2
from numpot.quant.vendors.probe import INT8, probe


def openvinos() -> IntegerArithmetic:
    return probe("openvino").arithmetic


def onnxruntimes(graph: Graph | None = None, *, int8: bool = False) -> IntegerArithmetic:
    """graph: a model as read; onnxruntime without optimizations runs only its integer operators on integers.
    int8: codes are stored so.
    """
    if graph is not None and not graph.of_type(*INTEGER_LAYERS):
        return "exact"
    return probe("onnxruntime").fits["matrix product", INT8][0] if int8 else probe("onnxruntime").arithmetic


def as_on_avx2() -> dict[str, str]:
    """The environment of a process in which OpenVINO saturates."""
    return os.environ | AVX2
