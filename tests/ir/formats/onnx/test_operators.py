"""Every ONNX operator that is read, in each of its forms, against onnxruntime."""

from typing import Any

import numpy as np
import pytest

from numpot.ir.formats.onnx.onnx_node import FIRST_OPSET, LAST_OPSET, READERS
from numpot.ir.lowering.lower import IntegerArithmetic

from ...vendors import onnxruntimes
from .cases import ACTIVATIONS, ARITHMETIC, LINEAR, NORMALIZATION, REDUCTIONS, WINDOWS, Call, definitions
from .cases_of_data import CONSTANTS, INDEXING, MOVEMENT, RESIZE, SHAPES
from .cases_of_integers import INTEGERS
from .cases_of_sequences import SEQUENCES
from .models import check

CALLS = [
    *ACTIVATIONS,
    *ARITHMETIC,
    *WINDOWS,
    *LINEAR,
    *NORMALIZATION,
    *REDUCTIONS,
    *SHAPES,
    *MOVEMENT,
    *INDEXING,
    *CONSTANTS,
    *RESIZE,
    *INTEGERS,
    *SEQUENCES,
]
RUNS = [(call, opset) for call in CALLS for opset in call.opsets()]


def name(value: object) -> str:
    return (
        f"{value.type}-{'-'.join(map(str, value.attributes)) or 'plain'}"
        if isinstance(value, Call)
        else str(value)
    )


def slow_before_the_last(call: Call, opset: int) -> Any:
    return pytest.param(call, opset, marks=[] if opset == call.opsets()[-1] else pytest.mark.slow)


@pytest.mark.parametrize(("call", "opset"), [slow_before_the_last(*run) for run in RUNS], ids=name)
def test_operator_is_read_as_onnxruntime_runs_it(call: Call, opset: int) -> None:
    check(call.model(opset), call.feeds(), arithmetic=arithmetic_of(call))


def arithmetic_of(call: Call) -> IntegerArithmetic:
    """onnxruntime saturates on processors without VNNI, but not in ConvInteger, nor where codes are stored as
    int8 or weights as uint8.
    """
    if call.type not in ("MatMulInteger", "QLinearConv", "QLinearMatMul"):
        return "exact"
    arrays = [*call.data, *call.constants]
    weights = arrays[{"MatMulInteger": 1}.get(call.type, 3)]
    if weights is None or weights.dtype == np.uint8:
        return "exact"
    return onnxruntimes(int8=arrays[0].dtype == np.int8)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "call", [c for c in [*ACTIVATIONS, *WINDOWS, *NORMALIZATION] if len(c.data) == 1], ids=name
)
def test_operator_takes_any_batch(call: Call) -> None:
    for opset in {call.since, call.until}:
        check(call.model(opset, open_batch=True), call.feeds())


@pytest.mark.parametrize("operator", sorted(READERS.keys() - {"If"}))  # test_reader.py has models with it
def test_every_definition_of_an_operator_that_is_read_has_a_call(operator: str) -> None:
    served = {o for r in READERS[operator] for o in range(r.since, r.until + 1)}
    wanted = {max(o, FIRST_OPSET) for o in definitions(operator) if o <= LAST_OPSET} & served
    tried = {opset for call, opset in RUNS if call.type == operator}
    assert wanted <= tried
