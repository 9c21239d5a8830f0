"""Every one of the ONNX project's own tests of an operator that is read passes, or is refused for a reason
that is known.
"""

from pathlib import Path
from typing import Any

import onnx
import pytest

from numpot.ir.formats.onnx.onnx_node import READERS

from .backend import DIFFERENT, PASSED, REFUSED, all_nodes, cases, outcome
from .operator_table import TABLE, operator_table

ROOT = Path(__file__).parents[4]


def surprise(case: Any) -> str | None:
    """What a case gives that it should not."""
    try:
        found = outcome(case)
    except AssertionError as error:
        return None if case.name in DIFFERENT else str(error)
    expected = case.name not in DIFFERENT and (found == PASSED or any(reason in found for reason in REFUSED))
    return None if expected else found


# making ONNX's 900 cases takes ten seconds, too long for every worker's collection
@pytest.mark.parametrize("operator", sorted(READERS))
def test_nodes(operator: str) -> None:
    claimed = [
        case for case in cases() if any(node.op_type == operator for node in all_nodes(case.model.graph))
    ]
    assert {case.name: found for case in claimed if (found := surprise(case)) is not None} == {}


def test_every_case_belongs_to_an_operator() -> None:
    assert (
        len(cases()) > 500
        and {n.op_type for c in cases() for n in all_nodes(c.model.graph)} <= READERS.keys()
    )


def test_the_table_in_the_documentation_is_current() -> None:
    """`python -m tests.ir.formats.onnx.operator_table` writes it."""
    committed = (ROOT / TABLE).read_text()
    if f"onnx {onnx.__version__}" not in committed:
        pytest.skip(
            f"the table was made with another version of onnx than {onnx.__version__}, which has other tests"
        )
    assert committed == operator_table()
