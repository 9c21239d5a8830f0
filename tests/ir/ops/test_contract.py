"""The contract every operator goes through: adding a case to a `cases_*.py` beside this file is all it takes.

one definition      infer and evaluate agree; inputs are left alone; memory layout does not matter
one answer          the interpreter, the executor and a vendor's runtime give the same
one text            attributes survive the file, and are always written the same way
one kind of error   whatever does not fit is a GraphError that names the layer
"""

import importlib
import math
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.dtypes import BY_NAME
from numpot.ir.errors import GraphError
from numpot.ir.graph import Graph
from numpot.ir.ops import OPERATORS, OperatorError
from numpot.ir.ops.common.operator import attribute_types, find, from_text, ports, to_text
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result

from .battery import Case, assert_same, build_graph, run_executor, run_interpreter, run_vendor

MODULES = sorted(
    m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if m.name.startswith("cases_")
)
CASES: list[Case] = [
    case for name in MODULES for case in importlib.import_module(f".{name}", __package__).CASES
]
STRUCTURE = {"Parameter", "Constant", "Result"}  # the ends of a graph: every case has them
NO_VENDOR: dict[str, str] = {}  # operator -> why no vendor has it

each_case = pytest.mark.parametrize("case", CASES, ids=str)
one_case_per_operator = pytest.mark.parametrize(
    "case", {c.op.type: c for c in CASES}.values(), ids=lambda c: c.op.type
)


def test_every_operator_has_a_case_and_a_vendor() -> None:
    assert OPERATORS.keys() - STRUCTURE == {c.op.type for c in CASES}
    assert OPERATORS.keys() - STRUCTURE - NO_VENDOR.keys() == {
        c.op.type for c in CASES if c.vendor is not None
    }


@each_case
def test_evaluate_gives_what_infer_says_and_leaves_its_inputs_alone(case: Case) -> None:
    node = build_graph(case).nodes["op"]
    before = [x.copy() for x in case.inputs]
    results = run_interpreter(case)
    assert all(isinstance(y, np.ndarray) for y in results)
    assert [(y.dtype, y.shape) for y in results] == [(t.dtype, t.shape) for t in node.outputs]
    for x, copy in zip(case.inputs, before, strict=True):
        np.testing.assert_array_equal(x, copy)


@each_case
def test_vendor_agrees(case: Case) -> None:
    if case.vendor is None:
        pytest.skip("no vendor has this case")
    assert_same(run_interpreter(case), run_vendor(case), case.rtol, case.atol)


@each_case
def test_executor_agrees(case: Case) -> None:
    assert_same(run_executor(case), run_interpreter(case), case.rtol, case.atol)


@each_case
def test_memory_layout_does_not_matter(case: Case) -> None:
    """Columns first, and with gaps between the elements."""
    expected = run_interpreter(case)
    for view in (lambda x: x.T.copy().T, lambda x: np.stack([x, x], axis=-1)[..., 0]):
        with np.errstate(all="ignore"):
            results = case.op.evaluate(*(view(x) for x in case.inputs))
        assert_same(results if isinstance(results, list) else [results], expected, rtol=1e-6, atol=1e-6)


@each_case
def test_attributes_survive_text(case: Case) -> None:
    text = to_text(case.op)
    again = from_text(type(case.op), text)
    assert again == case.op
    assert to_text(again) == text
    assert list(text) == [name for name in attribute_types(type(case.op)) if name in text]
    assert all(isinstance(value, str) and value.isascii() for value in text.values())


@one_case_per_operator
def test_wrong_number_of_inputs(case: Case) -> None:
    least, most = ports(type(case.op))
    graph = Graph("wrong")
    x = graph.add(Parameter(element_type=BY_NAME["f32"], shape=(2, 3))).output
    for count in {least - 1, most + 1 if most < 2**16 else 0}:
        with pytest.raises(GraphError, match=rf"layer 'wrong' \({case.op.type}\): expected .* found {count}"):
            graph.add(case.op, [x] * count, name="wrong")


@each_case
def test_what_does_not_fit_is_a_graph_error(case: Case) -> None:
    """Random types, ranks, sizes and values on every port: refused by name, or accepted and then run as
    inferred.
    """
    rng = np.random.default_rng(2024)
    for _ in range(12):
        inputs = [mutated(x, rng) for x in case.inputs]
        wrong = Case(
            case.op, inputs, None, case.constant_inputs if rng.integers(2) else tuple(range(len(inputs)))
        )
        try:
            node = build_graph(wrong).nodes["op"]
        except GraphError as error:
            assert f"({case.op.type})" in str(error)
            continue
        if max(math.prod(t.shape) for t in node.outputs) > 2**16:
            continue
        try:
            results = run_interpreter(wrong)
        except GraphError as error:  # contents that no shape rule can see, an index out of range
            assert f"({case.op.type})" in str(error)
            continue
        assert [(y.dtype, y.shape) for y in results] == [(t.dtype, t.shape) for t in node.outputs]


def mutated(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same array, or with another type, rank, size or contents."""
    with np.errstate(all="ignore"):
        return [
            lambda: x,
            lambda: x.astype(rng.choice(list(BY_NAME.values()))),
            lambda: rng.integers(-9, 9, x.shape).astype(x.dtype),
            lambda: rng.choice([-(2**63), -(2**40), -1, 0, 1, 2**20, 2**40, 2**63 - 1], x.shape).astype(
                x.dtype
            ),
            lambda: x[None],
            lambda: x.ravel(),
            lambda: np.repeat(x, 2, axis=-1),
            lambda: x[..., :0] if x.ndim else x,
        ][rng.integers(8)]()


SILLY = {int: (0, -1, 7, 2**40, -(2**62)), tuple[int, ...]: ((), (0,), (-1, -1), (2**40, 2**40), (9,) * 9)}


@one_case_per_operator
def test_silly_attributes_are_refused_or_harmless(case: Case) -> None:
    """What a damaged file may say: sizes of billions, negative axes, lists of the wrong length."""
    text = to_text(case.op)
    for name, hint in attribute_types(find(case.op.type)).items():
        for value in SILLY.get(hint, ()):
            raw = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            try:
                op = from_text(type(case.op), text | {name: raw})
                build_graph(Case(op, case.inputs, None, case.constant_inputs))
            except (OperatorError, GraphError):
                continue


def test_result_reads_one_tensor() -> None:
    graph = Graph("ends")
    x = graph.add(Parameter(element_type=BY_NAME["f32"], shape=(-1, 3)), name="x").output
    with pytest.raises(GraphError, match="expected 1 input, found 2"):
        graph.add(Result(), [x, x], name="y")
