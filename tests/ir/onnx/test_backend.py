"""Every one of the ONNX project's own tests of an operator that is read passes, or is refused for a reason that is known."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from .backend import DIFFERENT, PASSED, REFUSED, cases, outcome
from .operator_table import TABLE, operator_table

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
def test_node(case: Any) -> None:
    if case.name in DIFFERENT:
        with pytest.raises(AssertionError):
            outcome(case)
        return
    found = outcome(case)
    assert found == PASSED or any(reason in found for reason in REFUSED)


def test_the_table_in_the_documentation_is_current() -> None:
    """`python -m tests.ir.onnx.operator_table` writes it."""
    committed = (ROOT / TABLE).read_text()
    if f"onnx {onnx.__version__}" not in committed:
        pytest.skip(f"the table was made with another version of onnx than {onnx.__version__}, which has other tests")
    assert committed == operator_table()
