"""The notebooks run from top to bottom, and are kept without what they print."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

NOTEBOOKS = {
    path.stem: path for path in (Path(__file__).parent.parent / "examples" / "notebooks").glob("*.ipynb")
}
QUICK = {"quickstart"}  # about ten seconds; the others take twice as long


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in sorted(NOTEBOOKS)]
)
def test_a_notebook_runs_to_its_end(name: str, tmp_path: Path) -> None:
    """A cell that raises would raise here. The folder is another one than the notebook's, so that no cell can
    rely on files beside it.
    """
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS[name], as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, (
                f"{cell.id}: clear all outputs before saving"
            )
