"""docs/operators.md: what of ONNX is read, with the results of ONNX's own tests, and how each operator is
written.

python -m tests.ir.formats.onnx.operator_table        writes it, in the repository's root
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import onnx

from numpot.ir.formats.onnx import OnnxError
from numpot.ir.formats.onnx.node_writer import OPSET
from numpot.ir.formats.onnx.onnx_node import READERS
from numpot.ir.formats.onnx.writer import to_model

from ...ops.battery import build_graph
from ...ops.test_contract import CASES
from .backend import DIFFERENT, PASSED, REFUSED, all_nodes, cases, outcome

TABLE = Path("docs/operators.md")

HEAD = f"""# Operators

Made by `python -m tests.ir.formats.onnx.operator_table` with onnx {onnx.__version__};
a test keeps it current.

## ONNX operators that are read

`passed`, `refused`: the tests of the ONNX project (`onnx.backend.test`, kind `node`) in which an operator
appears alone or in the body of a function, with element types that exist here. A test is refused when it asks
for something that is not supported, and the message says so; the reasons stand below. No test gives a wrong
result, except two in which onnxruntime and OpenVINO differ from the reference in the same way.

| operator | opsets | passed | refused |
|---|---|---|---|
"""

WRITTEN = f"""
## How operators are written

At opset {OPSET}. Most operators become one node; where there are several, ONNX has no operator of that
meaning. An `Add` behind a layer is its bias. `FakeQuantize` and int8 weights: [onnx.md](onnx.md).

| operator | ONNX |
|---|---|
"""


def operator_table() -> str:
    """The text of the page."""
    return (
        HEAD
        + "".join(_rows_read())
        + "\nReasons to refuse a test:\n\n"
        + "".join(_reasons())
        + WRITTEN
        + "".join(_rows_written())
    )


def _rows_read() -> Iterator[str]:
    passed, refused = Counter[str](), Counter[str]()
    for case in cases():
        if case.name not in DIFFERENT:
            counts = passed if outcome(case) == PASSED else refused
            counts.update({n.op_type for n in all_nodes(case.model.graph)})
    for name, readers in sorted(READERS.items()):
        first, last = min(r.since for r in readers), max(r.until for r in readers)
        yield f"| {name} | {first} to {last} | {passed[name]} | {refused[name] or ''} |\n"


def _reasons() -> Iterator[str]:
    outcomes = [outcome(case) for case in cases() if case.name not in DIFFERENT]
    for reason, what in REFUSED.items():
        yield f'- {what}: "... {reason} ..." ({sum(reason in o for o in outcomes)})\n'


def _rows_written() -> Iterator[str]:
    """From the cases that every operator has: the distinct ways in which they are written."""
    forms: dict[str, dict[str, None]] = defaultdict(dict)
    for case in CASES:
        try:
            nodes = to_model(build_graph(case)).graph.node
        except OnnxError as error:
            form = "refused: " + str(error).partition(": ")[2].partition(", found")[0]
        else:
            form = ", ".join(n.op_type for n in nodes)
        forms[case.op.type].setdefault(form)
    for name in sorted(forms):
        yield f"| {name} | {'; or '.join(forms[name])} |\n"


if __name__ == "__main__":
    TABLE.write_text(operator_table())
