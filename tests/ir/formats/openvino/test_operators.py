"""Every operator case of the battery, saved by OpenVINO."""

from typing import Any

import openvino as ov
import pytest

from numpot.ir.formats.openvino import load_openvino, read_openvino
from numpot.ir.formats.openvino.node import READERS
from numpot.ir.ops import OPERATORS

from ...ops.battery import (
    Case,
    OnnxNode,
    assert_same,
    build_openvino,
    first_of_each,
    run_interpreter,
    slow_but,
)
from ...ops.test_contract import CASES
from .vendor import run_file, run_graph

NOT_COMPARED = {
    "Divide-i32": "OpenVINO's CPU plugin rounds integers toward zero although the file says "
    "m_pythondiv; we do as the file says",
    "LeakyReLU-f16": "its slope is f32, which OpenVINO lets pass",
}
COMPRESSED = (
    "Add",
    "BatchNormInference",
    "Convolution",
    "ConvolutionBackpropData",
    "FakeQuantize",
    "MatMul",
    "PReLU",
    "Select",
)
OURS_ONLY = {
    "ArgMax",
    "Flatten",
    "LeakyReLU",
    "Quantize",
    "Dequantize",
    "MultiplyAdd",
    "SumPool",
    "Constant",
} | {
    "ConvolutionInteger",
    "ConvolutionBackpropDataInteger",
    "Im2Col",
    "MatMulInteger",
}


# what a case is compared with and a file may not hold
NOT_READ = {"GatherElements", "ExtractImagePatches"}


def of_openvino(case: Case) -> bool:
    if case.vendor is None or isinstance(case.vendor, OnnxNode) or str(case) in NOT_COMPARED:
        return False
    return NOT_READ.isdisjoint(layer.get_type_name() for layer in build_openvino(case, case.vendor).get_ops())


READABLE = [case for case in CASES if of_openvino(case)]
# one for each operator; the others are slow, together
FIRST = first_of_each(READABLE)


def save(case: Case, folder: Any, *, compressed: bool) -> Any:
    path = folder / "case.xml"
    assert case.vendor is not None and not isinstance(case.vendor, OnnxNode)
    ov.save_model(build_openvino(case, case.vendor), path, compress_to_fp16=compressed)
    return path


@pytest.mark.parametrize("case", slow_but(FIRST, READABLE), ids=str)
def test_what_openvino_saves_is_read(case: Case, tmp_path: Any) -> None:
    """As read and as simplified, it computes what the operator does, of which test_contract.py knows that the
    vendor does it, too.

    Declared shapes and types are compared on the way, so that shape rules are checked against OpenVINO's.
    """
    path = save(case, tmp_path, compressed=False)
    expected = run_interpreter(case)
    for graph in (read_openvino(path), load_openvino(path)):
        assert_same(run_graph(graph, case.feeds()), expected, case.rtol, case.atol)


@pytest.mark.parametrize("case", FIRST, ids=lambda c: c.op.type)
def test_openvino_computes_the_same_from_the_file(case: Case, tmp_path: Any) -> None:
    path = save(case, tmp_path, compressed=False)
    assert_same(
        run_graph(read_openvino(path), case.feeds()),
        run_file(path, *case.feeds().values()),
        case.rtol,
        case.atol,
    )


@pytest.mark.parametrize("case", [c for c in READABLE if c.op.type in COMPRESSED], ids=str)
def test_constants_compressed_to_f16_are_read(case: Case, tmp_path: Any) -> None:
    path = save(case, tmp_path, compressed=True)
    assert_same(
        run_graph(load_openvino(path), case.feeds()),
        run_file(path, *case.feeds().values()),
        case.rtol,
        max(case.atol, 1e-5),
    )


def test_every_operator_has_a_reader() -> None:
    names = {
        "Const",
        "GroupConvolution",
        "GroupConvolutionBackpropData",
        "LRN",
    } | OPERATORS.keys() - OURS_ONLY
    assert READERS.keys() == names
