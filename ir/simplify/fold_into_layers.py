"""Simplify, part 3: what stands beside a convolution or matrix product and can be computed in its weights and
bias.

A layer followed by a factor and a term for each output channel is a layer with other weights and another
bias:

    (W x + b) * s + t  =  (s W) x + (s b + t)
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from ..graph import Graph, Node, Tensor
from ..ops.add import Add
from ..ops.batch_norm_inference import BatchNormInference
from ..ops.common.operator import Ints, Operator, Shape
from ..ops.constant import Constant
from ..ops.convolution import Convolution
from ..ops.convolution_backprop_data import ConvolutionBackpropData
from ..ops.matmul import MatMul
from ..ops.multiply import Multiply
from ..ops.pad import Pad
from .edits import take_place

LAYERS = ("Convolution", "ConvolutionBackpropData", "MatMul")
# Model Optimizer's name for a layer whose bias is an Add of the layer's own name
WITHOUT_BIASES = "/WithoutBiases"


def decompose_batch_norm(graph: Graph) -> list[str]:
    """BatchNormInference -> Multiply and Add, with the deviation and the mean inside the constants."""
    done = []
    for node in graph.of_type("BatchNormInference"):
        assert isinstance(node.op, BatchNormInference)
        x, *parameters = node.inputs
        if any(p.constant is None for p in parameters):
            continue
        gamma, beta, mean, variance = (np.asarray(p.constant, np.float64) for p in parameters)
        with np.errstate(all="ignore"):
            scale = gamma / np.sqrt(variance + node.op.epsilon)
            shift = beta - mean * scale
        if not np.isfinite([scale, shift]).all():
            continue
        factor, term = (
            _per_channel_constant(graph, f"{node.name}/{what}", v, x)
            for what, v in (("scale", scale), ("shift", shift))
        )
        scaled = graph.add(Multiply(), [x, factor], graph.unique_name(f"{node.name}/scaled"))
        take_place(graph, node, graph.add(Add(), [scaled.output, term]))
        done.append(f"{node.name!r} (BatchNormInference) written as Multiply and Add")
    return done


def _per_channel_constant(graph: Graph, name: str, values: np.ndarray, like: Tensor) -> Tensor:
    """A Constant (1,C,1,...) of the type and rank of `like`."""
    return graph.constant(
        values.astype(like.dtype).reshape(1, -1, *(1,) * (len(like.shape) - 2)), graph.unique_name(name)
    )


# ---- padding -----------------------------------------------------------------------------------------------


def fold_padding(graph: Graph) -> list[str]:
    """A Pad of zeros before a Convolution becomes padding of the Convolution."""
    done = []
    for node in graph.of_type("Convolution"):
        assert isinstance(node.op, Convolution)
        pad = node.inputs[0].producer
        widths = _zero_padding(pad)
        if widths is None:
            continue
        begin, end = (
            _sum(old, more) for old, more in zip((node.op.pads_begin, node.op.pads_end), widths, strict=True)
        )
        graph.set_input(node, 0, pad.inputs[0])
        graph.replace_op(node, replace(node.op, pads_begin=begin, pads_end=end))
        done.append(f"{pad.name!r} (Pad) folded into {node.name!r}")
    return done


def _sum(a: Ints, b: Ints) -> Ints:
    return tuple(p + q for p, q in zip(a, b, strict=True))


def _zero_padding(node: Node) -> tuple[Ints, Ints] | None:
    """(begin, end) of the spatial dimensions, if the node is a Pad that puts zeros around these only."""
    if (
        not isinstance(node.op, Pad)
        or node.op.pad_mode != "constant"
        or any(t.constant is None for t in node.inputs[1:])
    ):
        return None
    begin, end, *value = (np.asarray(t.constant) for t in node.inputs[1:])
    if any(v != 0 for v in value) or begin[:2].any() or end[:2].any():
        return None
    return tuple(begin[2:].tolist()), tuple(end[2:].tolist())


# ---- factors and terms -------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A layer that computes y = x * scale + shift, with one number of each for every channel,
    (C,) float64.
    """

    node: Node
    scale: np.ndarray
    shift: np.ndarray


def fold_preceding_factor(graph: Graph) -> list[str]:
    """A factor for each input channel goes into the weights; a term would not, where the layer pads with
    zeros.
    """
    done = []
    for layer in _layers_with_constant_weights(graph):
        data = layer.inputs[0]
        if data.producer.type != "Multiply" or len(data.consumers) != 1:
            continue
        for port, x in enumerate(data.producer.inputs):
            step = _as_step(data.producer, port, _channel_axis(layer, x))
            if step is not None and x.shape == data.shape:
                _scale_weights(graph, layer, step.scale, of="inputs")
                graph.set_input(layer, 0, x)
                done.append(f"{step.node.name!r} (Multiply) folded into {layer.name!r}")
                break
    return done


def fold_following_arithmetic(graph: Graph) -> list[str]:
    """What follows a layer goes into its weights and one Add, which are named as Model Optimizer
    names them.
    """
    done = []
    for layer in _layers_with_constant_weights(graph):
        steps = list(_following_steps(layer))
        if not steps or _is_bias(steps):
            continue
        scale, shift = steps[0].scale, steps[0].shift
        for step in steps[1:]:
            scale, shift = scale * step.scale, shift * step.scale + step.shift
        if np.isfinite([scale, shift]).all():
            done += [f"{s.node.name!r} ({s.node.type}) folded into {layer.name!r}" for s in steps]
            _scale_weights(graph, layer, scale, of="outputs")
            _replace_by_bias(graph, layer, [s.node for s in steps], shift)
    return done


def _layers_with_constant_weights(graph: Graph) -> Iterator[Node]:
    """Weights that are stored small and converted are not constant here: their codes are not to
    be touched.
    """
    for layer in graph.of_type(*LAYERS):
        weights = layer.inputs[1].constant
        if weights is not None and not (
            isinstance(layer.op, MatMul) and (weights.ndim != 2 or layer.op.transpose_a)
        ):
            yield layer


def _following_steps(layer: Node) -> Iterator[Step]:
    """The factors and terms behind a layer, one after the other, as long as nobody else reads what is between
    them.
    """
    tail = layer.output
    while len(tail.consumers) == 1:
        use = tail.consumers[0]
        step = _as_step(use.node, use.port, _channel_axis(layer, tail))
        if step is None:
            return
        yield step
        tail = step.node.output


def _is_bias(steps: list[Step]) -> bool:
    """Whether the steps are what a layer has anyway: one Add of a Constant with a number for each channel."""
    first = steps[0].node
    bias = first.inputs[1].constant if first.type == "Add" else None
    return len(steps) == 1 and bias is not None and bias.size == steps[0].shift.size


def _channel_axis(layer: Node, data: Tensor) -> int:
    return len(data.shape) - 1 if layer.type == "MatMul" else 1


def _as_step(node: Node, port: int, channel_axis: int) -> Step | None:
    """A node with data at `port` and a constant at the other, read as a factor or a term for each channel."""
    if node.type not in ("Add", "Multiply", "Subtract", "Divide") or (
        node.type in ("Subtract", "Divide") and port == 1
    ):
        return None
    constant = _per_channel(node.inputs[1 - port], node.inputs[port].shape, channel_axis)
    if constant is None:
        return None
    ones, zeros = np.ones_like(constant), np.zeros_like(constant)
    match node.type:
        case "Add":
            return Step(node, ones, constant)
        case "Subtract":
            return Step(node, ones, -constant)
        case "Multiply":
            return Step(node, constant, zeros)
        case _:
            return Step(node, 1 / constant, zeros) if constant.all() else None


def _per_channel(tensor: Tensor, data_shape: Shape, channel_axis: int) -> np.ndarray | None:
    """(C,) float64, if the tensor is a Constant that broadcasts along the channels only."""
    value, rank = tensor.constant, len(data_shape)
    if value is None or value.size == 0 or channel_axis >= rank or value.ndim > rank:
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    if any(d != 1 for axis, d in enumerate(shape) if axis != channel_axis) or shape[channel_axis] not in (
        1,
        data_shape[channel_axis],
    ):
        return None
    return np.broadcast_to(value.astype(np.float64).reshape(-1), data_shape[channel_axis])


def _scale_weights(graph: Graph, layer: Node, scale: np.ndarray, *, of: Literal["inputs", "outputs"]) -> None:
    """Multiply the weights of each input or output channel. A Constant that others read too is not touched,
    but copied.
    """
    constant = layer.inputs[1].producer
    assert isinstance(constant.op, Constant)
    weights = constant.op.value
    view, inputs, outputs = _channel_axes(layer.op, weights.shape)
    axes = inputs if of == "inputs" else outputs
    factor = scale.reshape([d if axis in axes else 1 for axis, d in enumerate(view)])
    scaled = Constant(value=(weights.reshape(view) * factor).astype(weights.dtype).reshape(weights.shape))
    if len(constant.output.consumers) == 1:
        graph.replace_op(constant, scaled)
    else:
        graph.set_input(layer, 1, graph.add(scaled, name=graph.unique_name(constant.name)).output)


def _channel_axes(op: Operator, weights: Shape) -> tuple[Shape, Ints, Ints]:
    """(view, axes of the input channels, axes of the output channels); the view gives groups an axis of their
    own, in front.
    """
    if isinstance(op, MatMul):
        return (weights, (1,), (0,)) if op.transpose_b else (weights, (0,), (1,))
    assert isinstance(op, Convolution | ConvolutionBackpropData)
    view = (op.groups, weights[0] // op.groups, *weights[1:])
    return (view, (0, 2), (0, 1)) if isinstance(op, Convolution) else (view, (0, 1), (0, 2))


def _replace_by_bias(graph: Graph, layer: Node, steps: list[Node], shift: np.ndarray) -> None:
    """Put one Add in the place of the steps; nothing, if there is nothing to add."""
    name, y, end = layer.name.removesuffix(WITHOUT_BIASES), layer.output, steps[-1].output
    if not shift.any():
        graph.redirect(end, y)
        _remove_chain(graph, steps)
        graph.rename(layer, name if name not in graph.nodes else layer.name)
        return
    shape = [-1 if axis == _channel_axis(layer, y) else 1 for axis in range(len(y.shape))]
    bias = graph.constant(shift.astype(y.dtype).reshape(shape), graph.unique_name(f"{name}/bias"))
    add = graph.add(Add(), [y, bias])
    graph.redirect(end, add.output)
    _remove_chain(graph, steps)
    if layer.name == name:
        graph.rename(layer, graph.unique_name(name + WITHOUT_BIASES))
    graph.rename(add, graph.unique_name(name))


def _remove_chain(graph: Graph, nodes: list[Node]) -> None:
    for node in reversed(nodes):
        graph.remove(node)
