"""Compile a graph to a plan: a list of steps, each a kernel that computes a layer and the operators fused
into it.

A step is a row of a program (kernels/program/program.py), or, for an operator without a kernel, its NumPy
definition. Steps stand where the last operator they take over stands, because only there everything they read
exists.
"""

from dataclasses import replace
from itertools import zip_longest

import numpy as np

from numpot.kernels.program.step_kernels import Kernel

from ..evaluation import evaluate
from ..graph import Graph, Node, Tensor
from .plan_check import check_plan
from .step import Plan, Step
from .steps import (
    builder as layer_steps,
)
from .steps import (
    elementwise as elementwise_layers,
)
from .steps import (
    float_layers,
    integer_layers,
)
from .steps import (
    products as gate_layers,
)
from .steps import (
    resize as resize_layers,
)
from .steps import (
    transposed_convolution as transposed_layers,
)
from .steps.builder import Builder, Context, LayerKernel
from .steps.fusion import Chain
from .steps.tensor_slots import Slot, Slots, lies_channels_last

BUILDERS: dict[str, Builder] = {
    "Convolution": float_layers.convolution,
    "ConvolutionBackpropData": transposed_layers.floats,
    "MatMul": float_layers.matmul,
    "ConvolutionInteger": integer_layers.convolution,
    "ConvolutionBackpropDataInteger": transposed_layers.integers,
    "MatMulInteger": integer_layers.matmul,
    "Im2Col": integer_layers.im2col,
    "MaxPool": layer_steps.max_pool,
    "AvgPool": layer_steps.average_pool,
    "SumPool": layer_steps.sum_pool,
    "Quantize": elementwise_layers.codes,
    "Multiply": gate_layers.multiply,
    "Subtract": gate_layers.affine,
    "HSigmoid": gate_layers.hard,
    "HSwish": gate_layers.hard,
    "MultiplyAdd": elementwise_layers.codes,
    "Round": elementwise_layers.codes,
    "Dequantize": elementwise_layers.dequantize,
    "Add": elementwise_layers.add,
    "ReduceMean": elementwise_layers.mean,
    "Flatten": elementwise_layers.flat,
    "Reshape": elementwise_layers.flat,
    "Concat": elementwise_layers.copies,
    "Interpolate": resize_layers.interpolate,
    "ReLU": elementwise_layers.clip,
    "Clamp": elementwise_layers.clip,
}


def make_plan(
    graph: Graph,
    constants: dict[Tensor, np.ndarray],
    keep: set[Tensor],
    threads: int,
    counting: bool = False,
    swept: frozenset[Tensor] = frozenset(),
) -> Plan:
    """The plan of a graph for inputs of certain shapes (specialization.py). constants: what is known already,
    by `fold_constants`.

    keep: tensors that must be made as they are, because somebody looks at them; nothing is fused across one.
    counting: will runs count pairs that clip? swept: tensors of `keep` that get a step which sweeps them.
    """
    order = graph.topological_order()
    plan = Plan([], constants, Slots())
    context = Context(graph, plan.slots, threads, counting)
    chains: dict[Node, list[Step]] = {}  # by the last operator of each
    taken: set[Node] = set()
    for node in order:
        if (
            node in taken
            or node.type in ("Parameter", "Result")
            or all(t in plan.constants for t in node.outputs)
        ):
            continue
        chain = Chain(node, plan.constants, keep, taken)
        steps = _steps(node, chain, plan, context)
        taken.update(chain.nodes)
        chains[chain.nodes[-1]] = steps
    for node in order:
        plan.steps.extend(chains.get(node, []))
    if swept:
        plan.steps[:] = _with_sweeps(plan, swept)
    _drop_unread(plan, graph, keep)
    _turn_results(plan, graph)
    check_plan(plan, graph)
    return plan


def fold_constants(order: list[Node], keep: set[Tensor]) -> dict[Tensor, np.ndarray]:
    """Every tensor that depends on no input, computed once."""
    constants: dict[Tensor, np.ndarray] = {}
    for node in order:
        if (
            node.type != "Parameter"
            and all(t in constants for t in node.inputs)
            and not keep.intersection(node.outputs)
        ):
            constants.update(
                zip(node.outputs, evaluate(node, [constants[t] for t in node.inputs]), strict=True)
            )
    return constants


def _steps(node: Node, chain: Chain, plan: Plan, context: Context) -> list[Step]:
    """The steps of an operator and of those behind it that it takes over; none for one that leaves memory as
    it is.
    """
    if layer_steps.leaves_memory(node, context) and node.inputs[0] not in plan.constants:
        plan.slots.same(node.output, node.inputs[0])
        plan.aliases[node.output] = node.inputs[0]
        return []
    if any(t in plan.constants for t in node.inputs[:1]):
        return [_definition(node)]
    build = BUILDERS.get(node.type)
    made = build(node, chain, context) if build else None
    if made is None:
        return [_definition(node)]
    turned: dict[Tensor, int] = {}
    return [
        step
        for part in (made if isinstance(made, list) else [made])
        for step in _rows(node, chain, part, plan, turned)
    ]


def _rows(node: Node, chain: Chain, made: LayerKernel, plan: Plan, turned: dict[Tensor, int]) -> list[Step]:
    """The step of a kernel, and before it those that bring input images into (H,W,C) where the kernel wants
    them so.

    turned: slots of the images that other parts of the same layer have brought there already.
    """
    inputs = tuple(t for t in (made.x, made.other) if t is not None)
    steps, reads = [], []
    for name, tensor in zip(("x", "other"), inputs, strict=False):
        number = plan.slots.number(tensor)
        if not made.as_it_is and len(tensor.shape) == 4 and not lies_channels_last(tensor):
            if tensor not in turned:
                steps.append(_channels_last(tensor, plan.slots))
                turned[tensor] = steps[-1].slots[-1]
            number = turned[tensor]
        made.row.set(**{name: number})
        reads.append(number)
    out = plan.slots.number(chain.end)
    made.row.set(out=out)
    fused, slots = tuple(n.name for n in chain.nodes[1:]), (*reads, out)
    images = made.x.shape[0]
    steps.append(
        Step(
            node.name,
            made.label,
            inputs,
            (chain.end,),
            fused,
            made.row,
            slots,
            None,
            made.tallied,
            made.scratch,
            images,
        )
    )
    return steps


def _channels_last(tensor: Tensor, slots: Slots) -> Step:
    """What brings an input image into (H,W,C), in a slot of its own."""
    shape = layer_steps.image(tensor, slots)
    assert shape is not None
    row, number = elementwise_layers.channels_last(shape, tensor.dtype), slots.number(tensor)
    turned = slots.add(Slot(tensor.dtype, (tensor.shape[0], *shape)))
    row.set(x=number, out=turned)
    return Step(
        tensor.name, "channels last", (tensor,), (), row=row, slots=(number, turned), images=tensor.shape[0]
    )


def _turn_results(plan: Plan, graph: Graph) -> None:
    """Steps that bring images among the outputs of kernels into (C,H,W)."""
    made = {t for step in plan.steps if step.row for t in step.outputs}
    for tensor in dict.fromkeys(result.inputs[0] for result in graph.outputs):
        if tensor in made and len(tensor.shape) == 4 and tensor.dtype.itemsize in layer_steps.TURNED:
            number = plan.slots.number(tensor)
            images, channels, height, width = tensor.shape
            if channels > 1 and height * width > 1:
                row = elementwise_layers.channels_first((height, width, channels), tensor.dtype)
                plan.results[tensor] = turned = plan.slots.add(Slot(tensor.dtype, tensor.shape))
                row.set(x=number, out=turned)
                plan.steps.append(
                    Step(
                        tensor.name,
                        "channels first",
                        (tensor,),
                        (),
                        row=row,
                        slots=(number, turned),
                        images=images,
                    )
                )


def can_be_swept(tensor: Tensor) -> bool:
    """Whether a step can sweep a tensor for inputs of any shapes: float images that some step makes, channels
    last.
    """
    return (
        len(tensor.shape) == 4
        and 0 not in tensor.shape[1:]
        and tensor.dtype == np.float32
        and tensor.producer.type not in ("Parameter", "Constant", *layer_steps.RESHAPING)
    )


def _with_sweeps(plan: Plan, swept: frozenset[Tensor]) -> list[Step]:
    """The steps, and behind each one the sweep of what it makes; an activation sweeps what it reads and what
    it makes itself.
    """
    clips = {
        s.inputs[0]: s
        for s in plan.steps
        if s.kernel == "clip f32" and swept.issuperset((*s.inputs, *s.outputs))
    }
    remaining = swept - clips.keys() - {t for step in clips.values() for t in step.outputs}
    steps: list[Step] = []
    for step, following in zip_longest(plan.steps, plan.steps[1:]):
        steps.append(_clip_and_sweep(step, plan) if any(step is clip for clip in clips.values()) else step)
        if following is None or following.outputs != step.outputs:  # a Concat is several steps
            steps += [_sweep(t, plan) for t in step.outputs if t in remaining]
    return steps


def _sweep(tensor: Tensor, plan: Plan) -> Step:
    shape = layer_steps.image(tensor, plan.slots)
    assert shape is not None
    row, x = elementwise_layers.sweep(shape), plan.slots.number(tensor)
    out = plan.slots.add(Slot(tensor.dtype, (tensor.shape[0], 4, shape[2])))
    plan.swept[tensor] = out, 0
    row.set(x=x, out=out)
    return Step(tensor.name, "sweep", (tensor,), (), row=row, slots=(x, out), images=tensor.shape[0])


def _clip_and_sweep(step: Step, plan: Plan) -> Step:
    """The step of an activation, which sweeps what it reads and what it makes on the way."""
    assert step.row is not None
    (x,), (y,), channels = step.inputs, step.outputs, int(step.row.record["output"]["channels"])
    found = plan.slots.add(Slot(x.dtype, (x.shape[0], 8, channels)))
    plan.swept[x], plan.swept[y] = (found, 0), (found, 4)
    step.row.set(other=found, kernel=Kernel.CLIP_AND_MIN_MAX_SUM)
    return replace(step, slots=(step.slots[0], found, step.slots[1]))


def _definition(node: Node) -> Step:
    """The NumPy definition, for every operator without a kernel."""

    def define(*arrays: np.ndarray) -> list[np.ndarray]:
        return evaluate(node, list(arrays))

    return Step(node.name, "numpy", tuple(node.inputs), tuple(node.outputs), define=define)


def _drop_unread(plan: Plan, graph: Graph, keep: set[Tensor]) -> None:
    """Drop the steps whose results nobody reads, because those who did took over the operator themselves."""
    needed: set[Tensor] = set()
    slots: set[int] = set()

    def need(tensor: Tensor) -> None:
        needed.add(tensor)
        while tensor in plan.aliases:  # what is another's memory needs that other
            tensor = plan.aliases[tensor]
            needed.add(tensor)

    for tensor in (*(t for result in graph.outputs for t in result.inputs), *keep):
        need(tensor)
    steps: list[Step] = []
    for step in reversed(plan.steps):
        if (
            needed.intersection(step.outputs)
            or step.kernel == "sweep"
            or (not step.outputs and step.slots[-1] in slots)
        ):
            for tensor in step.inputs:
                need(tensor)
            slots.update(step.slots[:-1])
            steps.append(step)
    plan.steps[:] = steps[::-1]
