"""Every operator case of the battery, written by us: OpenVINO computes it from the file, and we
read it back.
"""

from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import UnstorableError
from numpot.ir.formats.openvino import load_openvino, read_openvino, write_openvino
from numpot.ir.ops.top_k import TopK

from ...ops.battery import Case, OnnxNode, assert_same, build_graph, first_of_each, run_interpreter, slow_but
from ...ops.test_contract import CASES
from .vendor import run_file, run_graph

LOWERED = {
    "ConvolutionInteger",
    "ConvolutionBackpropDataInteger",
    "Im2Col",
    "MatMulInteger",
    "MultiplyAdd",
    "SumPool",
}
WRITABLE = [case for case in CASES if case.op.type not in LOWERED]


def departs(case: Case) -> bool:
    """Whether OpenVINO is known to compute something else (docs/differences.md)."""
    if isinstance(case.op, TopK) and case.op.sort == "index" and "ties" in case.label:
        return True
    return isinstance(case.vendor, OnnxNode) and any(
        x.dtype.kind == "f" and not np.isfinite(x).all() for x in case.inputs
    )


COMPARED = [case for case in WRITABLE if case.vendor is not None and not departs(case)]
# one for each operator; the others are slow, together
FIRST = first_of_each(COMPARED)


def write(case: Case, folder: Path) -> Path:
    path = folder / "case.xml"
    write_openvino(build_graph(case), path)
    return path


@pytest.mark.parametrize("case", slow_but(FIRST, WRITABLE), ids=str)
def test_what_is_written_reads_back(case: Case, tmp_path: Path) -> None:
    path = write(case, tmp_path)
    expected = run_interpreter(case)
    assert_same(run_graph(read_openvino(path), case.feeds()), expected, rtol=0, atol=0)
    assert_same(run_graph(load_openvino(path), case.feeds()), expected, case.rtol, case.atol)


@pytest.mark.parametrize("case", slow_but(FIRST, COMPARED), ids=str)
def test_openvino_computes_what_is_written(case: Case, tmp_path: Path) -> None:
    path = write(case, tmp_path)
    assert_same(
        run_file(path, *case.feeds().values()), run_interpreter(case), case.rtol, max(case.atol, 3e-6)
    )


@pytest.mark.parametrize("case", {c.op.type: c for c in CASES if c.op.type in LOWERED}.values(), ids=str)
def test_integer_layers_are_refused_by_name(case: Case, tmp_path: Path) -> None:
    with pytest.raises(
        UnstorableError,
        match=rf"case\.xml: layer 'op' \({case.op.type}\) cannot be stored: OpenVINO has no such operator",
    ):
        write(case, tmp_path)
    assert not list(tmp_path.iterdir())
