"""Find the corresponding tensors at which two models are compared."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from numpot.ir.graph import Graph, Node, Tensor
from numpot.ir.lowering.lower import LAYERS, integer_layers
from numpot.ir.ops.common.quantization import quantization_multiplier
from numpot.ir.ops.fake_quantize import FakeQuantize

from ..errors import CompareError
from ..layers.device_operators import QUANTIZABLE
from .differences import LAST_CODE, CodeDifference, Difference

ACTIVATIONS = (
    "ReLU",
    "Clamp",
    "LeakyReLU",
    "PReLU",
    "Sigmoid",
    "Tanh",
    "Swish",
    "HSwish",
    "Gelu",
    "Elu",
    "Mish",
)
CODES = "/codes"  # the Quantize of a FakeQuantize that was lowered
ON_GRID = 0.01  # codes; a number further from a value of its FakeQuantize was not rounded by it


@dataclass(frozen=True)
class Grid:
    """The 256 real numbers of a FakeQuantize: low + code * step. Bounds as the operator has them, one or one
    for each channel.
    """

    low: np.ndarray
    high: np.ndarray

    @property
    def step(self) -> np.ndarray:
        return np.asarray((self.high - self.low) / np.float32(LAST_CODE))

    def position(self, real: np.ndarray) -> np.ndarray:
        """Real numbers in units of codes, float64, not rounded."""
        return (real.astype(np.float64) - self.low) / np.where(self.step == 0, 1, self.step)

    def codes(self, real: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(self.position(real)), 0, LAST_CODE).astype(np.uint8)

    def real(self, codes: np.ndarray) -> np.ndarray:
        return (codes * self.step + self.low).astype(np.float32)


@dataclass(frozen=True)
class Point:
    """One place of comparison. tensor: the node whose output is compared. layer, type: the operator that is
    behind it, for people.

    grid: of the codes that are compared; None for real numbers. fused: FakeQuantize operators on the way to
    it whose codes never exist. is_output: a Result of the model. reference: the node of the other model, if
    another model is compared.
    """

    tensor: str
    layer: str
    type: str
    grid: Grid | None = None
    fused: tuple[str, ...] = ()
    is_output: bool = False
    reference: str = ""

    def difference(self) -> Difference:
        """An empty one, of the right kind."""
        return Difference() if self.grid is None else CodeDifference(step=self.grid.step, low=self.grid.low)


# ---- one model, run by two ---------------------------------------------------------------------------------


def points_of_model(graph: Graph, lowered: Graph) -> list[Point]:
    """In the order of computation: every FakeQuantize whose codes both runtimes store, what layers in float
    give, and the outputs.

    graph: the model with its FakeQuantize operators. lowered: the same as it runs, which says what became of
    them.
    """
    order = [node for node in graph.topological_order() if is_data(node)]
    stored = {
        n.name.removesuffix(CODES) for n in lowered.of_type("Quantize") if n.name.endswith(CODES)
    } | set(lowered.nodes)
    integer = integer_layers(graph) if graph.of_type("FakeQuantize") else {}
    ends = {end(node).name: node for node in order if node.type in LAYERS and not integer.get(node.name)}
    points = []
    for node in order:
        if isinstance(node.op, FakeQuantize) and node.name in stored and (grid := grid_of(node)) is not None:
            source = behind(node.inputs[0])
            points.append(Point(node.name, source.name, source.type, grid, _fused(node, stored)))
        elif node.name in ends and node.name in lowered.nodes and _is_read_as_it_is(node):
            points.append(
                Point(node.name, ends[node.name].name, ends[node.name].type, fused=_fused(node, stored))
            )
        elif node.type == "Result":
            source = behind(node.inputs[0])
            points.append(
                Point(node.name, source.name, source.type, fused=_fused(node, stored), is_output=True)
            )
    return points


def grid_of(node: Node) -> Grid | None:
    """None for a FakeQuantize without the 256 levels of u8, or with bounds that are computed or differ
    between input and output.
    """
    assert isinstance(node.op, FakeQuantize)
    bounds = [np.asarray(t.constant, np.float32) for t in node.inputs[1:] if t.constant is not None]
    if node.op.levels != LAST_CODE + 1 or len(bounds) != 4:
        return None
    low, high, out_low, out_high = bounds
    return Grid(low, high) if np.array_equal(low, out_low) and np.array_equal(high, out_high) else None


def position_in_codes(node: Node, x: np.ndarray) -> np.ndarray:
    """What a Quantize or FakeQuantize rounds, in codes: x * multiplier + shift, as it computes it."""
    if isinstance(node.op, FakeQuantize):
        low, high = (np.asarray(t.constant, np.float32) for t in node.inputs[1:3])
        multiplier, shift = quantization_multiplier(low, high, LAST_CODE + 1)
    else:
        multiplier, shift = (np.asarray(t.constant, np.float32) for t in node.inputs[1:3])
    return x.astype(np.float32) * multiplier + shift


def behind(tensor: Tensor) -> Node:
    """The operator that a tensor is known by: the layer, above its bias and activation and those that only
    pass data on.
    """
    node = tensor.producer
    while (
        node.type in ACTIVATIONS
        or (node.type == "Add" and _is_with_constant(node))
        or node.type in ("Reshape", "Flatten", "Squeeze")
    ):
        above = node.inputs[0].producer
        if not is_data(above):
            break
        node = above
    return node


def end(node: Node) -> Node:
    """The last operator of a layer: its activation, its bias, or itself."""
    while len(node.outputs) == 1 and len(node.output.consumers) == 1:
        reader, port = node.output.consumers[0]
        if port != 0 or not (
            reader.type in ACTIVATIONS or (reader.type == "Add" and _is_with_constant(reader))
        ):
            break
        node = reader
    return node


def _fused(node: Node, stored: set[str]) -> tuple[str, ...]:
    """FakeQuantize operators between a point and the points above it that are not stored."""
    found: list[str] = []
    todo, seen = [t.producer for t in node.inputs], set()
    while todo:
        above = todo.pop()
        if above in seen or (above.type == "FakeQuantize" and above.name in stored):
            continue
        seen.add(above)
        if above.type == "FakeQuantize" and above.inputs[0].constant is None:
            found.append(above.name)
        todo += [t.producer for t in above.inputs]
    return tuple(found[::-1])


def _is_read_as_it_is(node: Node) -> bool:
    return any(use.node.type not in ("FakeQuantize", "Result") for use in node.output.consumers)


def _is_with_constant(node: Node) -> bool:
    return any(t.constant is not None for t in node.inputs[1:])


def is_data(node: Node) -> bool:
    """Whether the model's inputs decide this result."""
    todo, seen = [node], set()
    while todo:
        above = todo.pop()
        if above.type == "Parameter":
            return True
        if above not in seen:
            seen.add(above)
            todo += [t.producer for t in above.inputs]
    return False


# ---- two models --------------------------------------------------------------------------------------------


def points_in_common(model: Graph, reference: Graph) -> list[Point]:
    """Operators that have their name and type in both models, compared behind the bias and activation that
    both give them; and outputs.

    A quantizer keeps the names of layers, so the points of an int8 model and the float model it was made from
    are the layers. Raises CompareError if there is nothing in common.
    """
    points, covered = [], set()
    for node in model.topological_order():
        twin = reference.nodes.get(node.name)
        if node.type == "Result":
            twin = twin if twin is not None and twin.type == "Result" else _only_output(model, reference)
            if twin is not None:
                source = behind(node.inputs[0])
                points.append(Point(node.name, source.name, source.type, is_output=True, reference=twin.name))
        elif (
            twin is not None
            and twin.type == node.type in QUANTIZABLE
            and node not in covered
            and _has_two_sides(node)
        ):
            *way, (last, twins_last) = _common_way(node, twin)
            covered |= {a for a, _ in way} | {last}
            if _same_shape(last.output, twins_last.output):
                points.append(Point(last.name, node.name, node.type, reference=twins_last.name))
    if not points:
        listed = (
            ", ".join(repr(n.name) for n in g if n.type in LAYERS) or "none" for g in (model, reference)
        )
        raise CompareError(
            "the models have no layer and no output in "
            "common: the model has layers {}; the reference {}".format(*listed)
        )
    return points


def _has_two_sides(node: Node) -> bool:
    """Whether it computes on data; a bias and a scale belong to the layer above, and are not layers
    themselves.
    """
    data = [t for t in node.inputs if is_data(t.producer)]
    return bool(data) and (
        node.type in LAYERS
        or len(data) == len(node.inputs)
        or node.type not in ("Add", "Multiply", "Subtract", "Divide")
    )


def _common_way(node: Node, twin: Node) -> list[tuple[Node, Node]]:
    """The operator, bias and activation in both models, as far as they are of the same types."""
    way = [(node, twin)]
    for a, b in zip(_chain(node), _chain(twin), strict=False):
        if a.type != b.type:
            break
        way.append((a, b))
    return way


def _chain(node: Node) -> Iterator[Node]:
    last = end(node)
    while node is not last:
        node = node.output.consumers[0].node
        yield node


def _only_output(model: Graph, reference: Graph) -> Node | None:
    return reference.outputs[0] if len(model.outputs) == len(reference.outputs) == 1 else None


def _same_shape(a: Tensor, b: Tensor) -> bool:
    return a.shape[1:] == b.shape[1:] and len(a.shape) == len(b.shape)
