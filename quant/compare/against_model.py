"""Two models, both run by numpot: usually a quantized one against the float model it was made from, to see
which layer hurts.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from numpot.ir.errors import AnyPath, counted
from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph, Node
from numpot.ir.inputs import fits
from numpot.ir.lowering.lower import INTEGER_LAYERS, Arithmetic, for_arithmetic

from ..data.loader import DataLoader
from ..data.sources import batches, fixed_batch
from ..errors import CompareError
from ..metrics.not_finite import NotFinite
from ..parallel.progress import track
from ..settings.arguments import as_loader, check_options
from ..vendors.vendor import Arrays
from .against_runtime import BATCH
from .causes import Ablation, Cause, cause_against_model
from .differences import Difference
from .forcing import Forced, with_results, without_clipping, without_fake_quantize
from .points import Point, grid_of, points_in_common
from .results import Comparison, LayerComparison
from .structure import check_structure, check_weights

NOTHING_TO_GO_BY = Cause("unexplained", "the models have an output in common, but no layer")


def compare_models(
    model: Graph | AnyPath,
    reference: Graph | AnyPath,
    data: DataLoader | AnyPath,
    *,
    arithmetic: Arithmetic = "exact",
    limit: int | None = None,
    progress: bool = False,
) -> Comparison:
    """Run both models on the data and compare the layers that have the same name in both.

    A quantized model of the two runs in the given arithmetic. `cumulative` compares each model's own run,
    with a layer's result looked at as real numbers, before it is rounded for the next; outputs are those of
    the unmodified models. `isolated` gives each layer the reference's inputs: this is the layer's own error,
    including the rounding of its inputs and weights. Raises CompareError, DataError.
    """
    check_options(compare_models, arithmetic=arithmetic, limit=limit, progress=progress)
    model, reference = as_graph(model), as_graph(reference, "the reference")
    data = as_loader(data, model)
    rename = _match_inputs(model, reference)
    check_structure(model, reference)
    points = points_in_common(model, reference)
    check_weights(points, model, reference)
    layers = [LayerComparison(p, Difference(), Difference()) for p in points]
    inner = [p for p in points if not p.is_output]
    ours, theirs = (
        _Run(model, [p.tensor for p in points], arithmetic),
        _Run(reference, [p.reference for p in points], arithmetic),
    )
    forced = _force(model, inner, arithmetic)
    ablations = _Ablations(model, inner, arithmetic)
    size = fixed_batch(reference) or BATCH
    samples, not_finite = 0, (NotFinite(), NotFinite())
    with track(
        len(data) if limit is None else min(limit, len(data)), "comparing", quiet=not progress
    ) as advance:
        for batch in batches(data, model, size, limit=limit):
            by_node = theirs.run({rename[name]: array for name, array in batch.inputs.items()})
            expected = {p.tensor: by_node[p.reference] for p in points}
            made = ours.run(batch.inputs)
            for counts, side, graph in ((not_finite[0], made, model), (not_finite[1], by_node, reference)):
                counts.look({n.name: side[n.name] for n in graph.outputs})
            isolated, _ = forced.run(batch.inputs, expected)
            for layer in layers:
                name = layer.point.tensor
                layer.cumulative.add(made[name], expected[name])
                layer.isolated.add(isolated[name], expected[name])
            ablations.add(batch.inputs, expected, points)
            samples += len(batch.indices)
            advance(len(batch.indices))
    for layer in layers:
        ablation = ablations.of(layer.point, _missing_in(layer.point, model, reference))
        layer.cause = (
            cause_against_model(layer.cumulative, layer.isolated, ablation) if inner else NOTHING_TO_GO_BY
        )
    return Comparison(
        model=model.name,
        reference=reference.name,
        arithmetic=arithmetic,
        samples=samples,
        layers=[c for c in layers if not c.point.is_output],
        outputs=[c for c in layers if c.point.is_output],
        same_model=False,
        notes=_notes(points, model, reference),
        not_finite=not_finite[0],
        reference_not_finite=not_finite[1],
    ).finished()


def _match_inputs(model: Graph, reference: Graph) -> dict[str, str]:
    """The model's names of inputs -> the reference's: the same, or the only one."""
    ours = {n.name: n.output.shape for n in model.inputs}
    theirs = {n.name: n.output.shape for n in reference.inputs}
    rename = (
        {name: name for name in ours}
        if ours.keys() == theirs.keys()
        else dict(zip(ours, theirs, strict=False))
    )
    alike = len(ours) == len(theirs) and (len(ours) == 1 or ours.keys() == theirs.keys())
    if not alike or any(not (fits(ours[a][1:], theirs[b][1:])) for a, b in rename.items()):
        raise CompareError(
            f"the models have different inputs: the model {_listed(ours)}; the reference {_listed(theirs)}"
        )
    if {fixed_batch(model), fixed_batch(reference)} - {None, fixed_batch(model) or fixed_batch(reference)}:
        raise CompareError(
            f"the models have different fixed batches: the model {fixed_batch(model)}, the reference "
            f"{fixed_batch(reference)}"
        )
    return rename


def _listed(inputs: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name!r} {list(shape)}" for name, shape in inputs.items())


class _Run:
    """A model by itself: its outputs, and, from a copy that gives them, its inner tensors."""

    def __init__(self, graph: Graph, nodes: Sequence[str], arithmetic: Arithmetic) -> None:
        seen, self._results = with_results(graph, dict.fromkeys(nodes))
        self._seen = Executor(seen, arithmetic=arithmetic)
        self._untouched = Executor(graph, arithmetic=arithmetic)

    def run(self, inputs: Arrays) -> Arrays:
        seen = self._seen.run(inputs)
        return {node: seen[result] for node, result in self._results.items()} | self._untouched.run(inputs)


def _force(graph: Graph, points: Sequence[Point], arithmetic: Arithmetic) -> Forced:
    return Forced(graph, {p.tensor: p.tensor for p in points}, arithmetic)


# ---- causes ------------------------------------------------------------------------------------------------


class _Ablations:
    """The noise of every layer, given the reference's inputs, with some quantization taken away. Nothing is
    run for a float model.
    """

    def __init__(self, model: Graph, points: Sequence[Point], arithmetic: Arithmetic) -> None:
        self._variants: dict[str, Forced] = {}
        if model.of_type("FakeQuantize"):
            self._variants["weights_only"] = _force(without_fake_quantize(model), points, "simulated")
            self._variants["without_clipping"] = _force(without_clipping(model), points, "simulated")
        if arithmetic not in ("exact", "simulated") and for_arithmetic(model, arithmetic).of_type(
            *INTEGER_LAYERS
        ):
            self._variants["exact"] = _force(model, points, "exact")
        self._noise = {name: {p.tensor: Difference() for p in points} for name in self._variants}

    def add(self, inputs: Arrays, expected: Arrays, points: Sequence[Point]) -> None:
        for name, forced in self._variants.items():
            made, _ = forced.run(inputs, expected)
            for point in points:
                self._noise[name].setdefault(point.tensor, Difference()).add(
                    made[point.tensor], expected[point.tensor]
                )

    def of(self, point: Point, missing_in: str) -> Ablation:
        noise = {name: by_point[point.tensor].noise for name, by_point in self._noise.items()}
        return Ablation(**noise, missing_in=missing_in)


def _missing_in(point: Point, model: Graph, reference: Graph) -> str:
    """Which of two quantized models leaves this layer's inputs in float, if the other does not."""
    if point.is_output or not model.of_type("FakeQuantize") or not reference.of_type("FakeQuantize"):
        return ""
    ours, theirs = (_reads_codes(g.nodes[point.layer]) for g in (model, reference))
    return "" if ours == theirs else "model" if theirs else "reference"


def _reads_codes(layer: Node) -> bool:
    """Whether every input that is data comes from a FakeQuantize, directly or through operators that pass
    codes on.
    """
    todo, found = [layer.inputs[0].producer], []
    while todo:
        node = todo.pop()
        if node.type == "FakeQuantize":
            found.append(grid_of(node) is not None)
        elif node.type in ("MaxPool", "Reshape", "Flatten", "Squeeze", "Transpose"):
            todo.append(node.inputs[0].producer)
        else:
            found.append(False)
    return all(found)


def _notes(points: Sequence[Point], model: Graph, reference: Graph) -> list[str]:
    compared = {p.layer for p in points}
    skipped = [
        n.name
        for n in model.of_type("Convolution", "MatMul", "ConvolutionBackpropData")
        if n.name not in compared
    ]
    notes = []
    if skipped:
        notes.append(
            f"the reference has no layer of the same name, type and shape as "
            f"{counted(len(skipped), 'layer')}: {', '.join(skipped)}"
        )
    if not np.any([p.is_output for p in points]):
        notes.append("no output has the same name in both models, so outputs are not compared")
    return notes
