"""Check whether two models have enough layers in common to be compared: by structure first, then by weights.

A layer has a counterpart in the other model if that has one with as many outputs for a sample and with
weights of the same dimensions, wherever it stands and whatever it is called. So float and int8, ONNX and IR,
a 1x1 convolution and a matrix product, and models whose biases, activations and batch normalizations are
fused or not, correspond.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from numpot.ir.errors import counted
from numpot.ir.evaluation import evaluate
from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.lowering.lower import INTEGER_LAYERS, LAYERS

from ..errors import CompareError
from .points import Point, is_data

WEIGHTED: Final = (*LAYERS, *INTEGER_LAYERS, "LSTMSequence", "GRUSequence", "RNNSequence")
LEAST_SHARE: Final = 0.5  # of the layers of the model that has more, must have a counterpart
# between the weights of half of the layers; rounding to 2 bits leaves 0.8, and chance gives about 0
LEAST_COSINE: Final = 0.5
MOST_NAMED: Final = 3  # layers in a message


class StructureError(CompareError):
    """Two models are unrelated."""


Key = tuple[int, tuple[int, ...]]


def check_structure(model: Graph, reference: Graph) -> None:
    """Raises StructureError, which names what either side lacks, for models of which most layers have no
    counterpart.
    """
    ours, theirs = _keyed(model), _keyed(reference)
    common = sum((Counter(key for _, key in ours) & Counter(key for _, key in theirs)).values())
    most = max(len(ours), len(theirs))
    problems = []
    if common < LEAST_SHARE * most:
        problems.append(
            f"{common} of {counted(most, 'layer')} with weights have a counterpart of the same size; "
            f"only the model has {_listed(_without(ours, theirs))}, only the reference "
            f"{_listed(_without(theirs, ours))}"
        )
        problems += _outputs_that_are_missing(model, reference)
    problems += _outputs_that_differ(model, reference)
    if problems:
        raise StructureError(
            f"the models differ in structure, so no layer can be blamed: {'; '.join(problems)}"
        )


def check_weights(points: Sequence[Point], model: Graph, reference: Graph) -> None:
    """Raises StructureError for layers of the same names whose weights have nothing to do with each other."""
    cosines = {}
    for point in points:
        pair = [
            _weights(g.nodes[point.layer])
            for g in (model, reference)
            if point.layer in g.nodes and not point.is_output
        ]
        if len(pair) == 2 and pair[0] is not None and pair[1] is not None and pair[0].shape == pair[1].shape:
            cosines[point.layer] = _cosine(pair[0], pair[1])
    if cosines and float(np.median(list(cosines.values()))) < LEAST_COSINE:
        alike = sum(c >= LEAST_COSINE for c in cosines.values())
        raise StructureError(
            "the models have layers of the same names and sizes, but other weights, so no layer can be "
            f"blamed: {alike} of {len(cosines)} "
            f"layers have weights like the reference's (a cosine of at least {LEAST_COSINE})"
        )


# ---- structure ---------------------------------------------------------------------------------------------


def _keyed(graph: Graph) -> list[tuple[str, Key]]:
    """Name and key of the layers with weights, in the order of computation; two data inputs stand for weights
    of no dimensions.
    """
    return [(n.name, _key(n)) for n in graph.topological_order() if n.type in WEIGHTED and is_data(n)]


def _key(node: Node) -> Key:
    """Outputs for a sample, and the dimensions of the largest weights without ones, sorted: a transposed
    matrix is the same one.
    """
    weights = [t.shape for t in node.inputs if not is_data(t.producer)]
    largest = max(weights, key=math.prod, default=())
    return math.prod(node.outputs[0].shape[1:]), tuple(sorted(d for d in largest if d != 1))


def _without(ours: Iterable[tuple[str, Key]], theirs: Iterable[tuple[str, Key]]) -> list[str]:
    """Names of our layers that have no counterpart among theirs."""
    left = Counter(key for _, key in theirs)
    names = []
    for name, key in ours:
        if left[key]:
            left[key] -= 1
        else:
            names.append(name)
    return names


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none more"
    more = len(names) - MOST_NAMED
    return ", ".join(repr(name) for name in names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _outputs_that_are_missing(model: Graph, reference: Graph) -> list[str]:
    """List the outputs that only one of two models with several outputs has."""
    ours, theirs = ([n.name for n in g.outputs] for g in (model, reference))
    if len(ours) == len(theirs) == 1 or set(ours) == set(theirs):
        return []
    mine, others = ([n for n in a if n not in b] for a, b in ((ours, theirs), (theirs, ours)))
    return [f"of outputs only the model has {_listed(mine)}, only the reference {_listed(others)}"]


def _outputs_that_differ(model: Graph, reference: Graph) -> list[str]:
    """List the corresponding outputs whose shapes differ."""
    ours, theirs = ({n.name: n.output.shape for n in g.outputs} for g in (model, reference))
    pairs = (
        [(*ours, *theirs)]
        if len(ours) == len(theirs) == 1
        else [(name, name) for name in ours if name in theirs]
    )
    return [
        f"output {a!r} has shape {list(ours[a])} in the model, {list(theirs[b])} in the reference"
        for a, b in pairs
        if len(ours[a]) != len(theirs[b])
        or any(-1 not in (d, e) and d != e for d, e in zip(ours[a], theirs[b], strict=True))
    ]


# ---- weights -----------------------------------------------------------------------------------------------


def _weights(node: Node) -> np.ndarray | None:
    """The numbers that a layer multiplies with, whatever they are stored as; None if they are data."""
    if node.type not in LAYERS or is_data(node.inputs[1].producer):
        return None
    array = _folded(node.inputs[1])
    return array.swapaxes(-1, -2) if getattr(node.op, "transpose_b", False) else array


def _folded(tensor: Tensor) -> np.ndarray:
    """A tensor that depends on no input, computed."""
    node = tensor.producer
    if tensor.constant is not None:
        return tensor.constant
    return evaluate(node, [_folded(t) for t in node.inputs])[tensor.index]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Between two arrays of one shape; 1 between two of zeros."""
    x, y = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norms if norms else float(not x.any() and not y.any())
