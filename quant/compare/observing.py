"""Read the intermediate tensors of a vendor runtime without changing what it computes.

A runtime gives the tensors that a Result reads, and fuses around them: a Result too many, and a residual Add
is no longer computed inside its convolution. So the outputs of the model that is looked at are compared with
those of the untouched one, bit for bit. If all tensors can be seen at once without a change, they are. If
not, each is seen in a model of its own, in which nothing above it has changed: what a Result undoes is the
fusion of those that read the tensor, not of those that compute it.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from numpot.ir.formats.model_files import save_model
from numpot.ir.graph import Graph

from ..errors import CompareError
from ..vendors.registry import VENDORS
from ..vendors.vendor import Arrays, Compile, Run
from .forcing import with_results

FLOAT_NOISE = 1e-5  # of the largest output: float32 sums in another order


def observe(
    vendor: str,
    graph: Graph,
    nodes: Sequence[str],
    batches: Iterable[Arrays],
    asked: Mapping[str, str] | None = None,
) -> Iterator[Arrays]:
    """For every batch of inputs what the vendor makes at these nodes, by their names.

    A Result among them gives what the untouched model gives. asked: variables of the environment that the
    vendor reads when it is imported, hence in a second process, which has to be done with all batches before
    the first is given.
    """
    if asked:
        yield from _observe_elsewhere(vendor, graph, nodes, batches, asked)
        return
    with TemporaryDirectory() as folder:
        view: View | None = None
        for inputs in batches:
            view = view or View(VENDORS[vendor].compile, graph, nodes, inputs, Path(folder))
            yield view.run(inputs)


class View:
    """The models that together show all of these nodes, found out on one batch."""

    def __init__(
        self, compile: Compile, graph: Graph, nodes: Sequence[str], inputs: Arrays, folder: Path
    ) -> None:
        outputs = [n.name for n in graph.outputs]
        inner = [name for name in nodes if name not in outputs]
        self._untouched = compile(graph, folder)
        self._models = [_Seen(compile, graph, inner, folder)] if inner else []
        if inner and not _same(self._models[0].outputs(inputs, outputs), self._untouched(inputs)):
            self._models = [_Seen(compile, graph, [name], folder) for name in inner]
        self.at_once = len(self._models) <= 1

    def run(self, inputs: Arrays) -> Arrays:
        seen = self._untouched(inputs)
        for model in self._models:
            seen |= model.tensors(inputs)
        return seen


class _Seen:
    def __init__(self, compile: Compile, graph: Graph, nodes: Sequence[str], folder: Path) -> None:
        seen, self._results = with_results(graph, nodes)
        self._run: Run = compile(seen, folder)

    def tensors(self, inputs: Arrays) -> Arrays:
        outputs = self._run(inputs)
        return {node: outputs[result] for node, result in self._results.items()}

    def outputs(self, inputs: Arrays, names: Iterable[str]) -> Arrays:
        outputs = self._run(inputs)
        return {name: outputs[name] for name in names}


def _same(a: Arrays, b: Arrays) -> bool:
    def near(x: np.ndarray, y: np.ndarray) -> bool:
        largest = float(np.abs(y[np.isfinite(y)]).max(initial=0))
        return bool(np.allclose(x, y, rtol=0, atol=FLOAT_NOISE * largest, equal_nan=True))

    return all(near(a[name], b[name]) for name in b)


# ---- a second process --------------------------------------------------------------------------------------


def _observe_elsewhere(
    vendor: str, graph: Graph, nodes: Sequence[str], batches: Iterable[Arrays], asked: Mapping[str, str]
) -> Iterator[Arrays]:
    """Model, names of nodes and inputs go through a folder, and so do the tensors."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        save_model(graph, folder / "model.xml")
        (folder / "nodes.txt").write_text("\n".join(nodes), encoding="utf-8")
        names = [p.name for p in graph.inputs]
        count = 0
        for count, inputs in enumerate(batches, start=1):
            np.savez(folder / f"inputs{count}.npz", *(inputs[n] for n in names))
        command = [sys.executable, "-m", __name__, vendor, name, str(count)]
        done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
            raise CompareError(f"{vendor} failed in its own process: {lines[-1]}")
        for i in range(1, count + 1):
            path = folder / f"tensors{i}.npz"
            with np.load(path) as arrays:
                yield dict(zip(nodes, (arrays[f"arr_{k}"] for k in range(len(nodes))), strict=True))
            path.unlink()


def _serve(vendor: str, folder: Path, count: int) -> None:
    from numpot.ir.formats.model_files import read_model

    graph = read_model(folder / "model.xml")
    names = [p.name for p in graph.inputs]
    nodes = (folder / "nodes.txt").read_text(encoding="utf-8").split("\n")

    def batches() -> Iterator[Arrays]:
        for i in range(1, count + 1):
            with np.load(folder / f"inputs{i}.npz") as arrays:
                yield {name: arrays[f"arr_{k}"] for k, name in enumerate(names)}

    for i, seen in enumerate(observe(vendor, graph, nodes, batches()), start=1):
        np.savez(folder / f"tensors{i}.npz", *(seen[node] for node in nodes))


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
