"""Local functions: a model's own operators, put in the place of the nodes that call them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from onnx import AttributeProto, ModelProto, NodeProto, checker, inliner

from ..xml.document import MAX_LAYERS
from .errors import OnnxError

MAX_DEPTH = 100  # of functions that call functions; the package onnx gives up at some 400
Key = tuple[str, str]  # domain, name


def inline_functions(model: ModelProto) -> ModelProto:
    """The model without functions. Raises OnnxError for functions that call themselves or grow
    into too much.
    """
    if not model.functions:
        return model
    calls = {(f.domain, f.name): Counter(_operators(f.node)) for f in model.functions}
    size: dict[Key, int] = {}
    depth: dict[Key, int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            size[key] = _grown(calls[key], size) if key in calls else 1
            depth[key] = 1 + max((depth[called] for called in calls[key]), default=0) if key in calls else 0
    except CycleError as error:
        raise OnnxError(
            f"function {error.args[1][0][1]!r} calls itself; a model's functions must end"
        ) from None
    if max(depth.values()) > MAX_DEPTH:
        raise OnnxError(
            f"its functions call one another {max(depth.values())} deep; at most {MAX_DEPTH} are allowed"
        )
    nodes = _grown(Counter(_operators(model.graph.node)), size)
    if nodes > MAX_LAYERS:
        raise OnnxError(
            f"its functions grow into {nodes:,} nodes when they are put in their places; at most "
            f"{MAX_LAYERS:,} are allowed"
        )
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, checker.ValidationError) as error:
        raise OnnxError(f"its local functions cannot be inlined ({error})") from error


def _grown(calls: Counter[Key], size: dict[Key, int]) -> int:
    return sum(count * size.get(key, 1) for key, count in calls.items())


def _operators(nodes: Iterable[NodeProto]) -> Iterator[Key]:
    """Those of branches, too."""
    for node in nodes:
        yield node.domain, node.op_type
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _operators(attribute.g.node)
            for graph in attribute.graphs:
                yield from _operators(graph.node)
