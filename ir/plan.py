"""Compiles a graph to a plan: a list of steps, each one kernel that does the work of a layer and of what can be fused into it.

Inside the plan, images lie as NHWC in memory: a convolution's dot products then run over neighbouring bytes, and a 1x1 convolution is a
matrix product with nothing to rearrange. Tensors keep their logical NCHW shape, as transposed views, so an operator without a kernel of
its own simply runs its NumPy definition.
"""

from dataclasses import dataclass

import numpy as np

from .chain import Chain
from .graph import Graph, Node, Tensor
from .layer_steps import LAYER_STEPS, Kernel


@dataclass(frozen=True)
class Step:
    """One kernel call. name: the layer it computes; kernel: which one; fused: names of the further layers it computes on the way."""

    name: str
    kernel: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    run: Kernel
    fused: tuple[str, ...]
    last_uses: tuple[Tensor, ...] = ()  # inputs that nobody needs afterwards


@dataclass(frozen=True)
class Plan:
    steps: list[Step]
    constants: dict[Tensor, np.ndarray]


def make_plan(graph: Graph, keep: set[Tensor]) -> Plan:
    """keep: tensors that must be made as they are, because somebody looks at them; nothing is fused across one."""
    order = graph.topological_order()
    constants = _fold_constants(order, keep)
    steps: list[Step] = []
    done: set[Node] = set()
    for node in order:
        if node in done or node.type in ("Parameter", "Result") or all(t in constants for t in node.outputs):
            continue
        step, computed = _layer_step(node, constants, keep) or _definition_step(node)
        steps.append(step)
        done |= computed
    return Plan(_with_last_uses(steps, graph, keep), constants)


def _fold_constants(order: list[Node], keep: set[Tensor]) -> dict[Tensor, np.ndarray]:
    """Every tensor that depends on no input, computed once."""
    constants: dict[Tensor, np.ndarray] = {}
    for node in order:
        if node.type != "Parameter" and all(t in constants for t in node.inputs) and not keep.intersection(node.outputs):
            constants.update(zip(node.outputs, _as_list(node.op.evaluate(*(constants[t] for t in node.inputs))), strict=True))
    return constants


def _layer_step(node: Node, constants: dict[Tensor, np.ndarray], keep: set[Tensor]) -> tuple[Step, set[Node]] | None:
    """The step of a node that has a kernel of its own, or None."""
    build = LAYER_STEPS.get(node.type)
    chain = Chain(node, constants, keep)
    made = build(node, chain) if build else None
    if made is None:
        return None
    inputs = tuple(t for t in node.inputs if t not in constants)
    step = Step(node.name, made.name, inputs, (chain.end,), made.run, tuple(n.name for n in chain.nodes[1:]))
    return step, set(chain.nodes)


def _definition_step(node: Node) -> tuple[Step, set[Node]]:
    """The NumPy definition, for every operator without a kernel."""

    def run(*arrays: np.ndarray, workers: object) -> list[np.ndarray]:
        return _as_list(node.op.evaluate(*arrays))

    return Step(node.name, "numpy", tuple(node.inputs), tuple(node.outputs), run, ()), {node}


def _with_last_uses(steps: list[Step], graph: Graph, keep: set[Tensor]) -> list[Step]:
    needed = {t for result in graph.outputs for t in result.inputs} | keep
    finished = []
    for step in reversed(steps):
        last = tuple(t for t in dict.fromkeys(step.inputs) if t not in needed)
        needed.update(last)
        finished.append(Step(step.name, step.kernel, step.inputs, step.outputs, step.run, step.fused, last))
    return finished[::-1]


def _as_list(outputs: np.ndarray | list[np.ndarray]) -> list[np.ndarray]:
    return outputs if isinstance(outputs, list) else [outputs]
