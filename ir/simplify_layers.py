"""Simplify, part 3: what stands beside a convolution or matrix product and can be computed in its weights and bias.

A layer followed by a factor and a term for each output channel is a layer with other weights and another bias:

    (W x + b) * s + t  =  (s W) x + (s b + t)
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .graph import Graph, Node, Tensor
from .ops.add import Add
from .ops.batch_norm_inference import BatchNormInference
from .ops.constant import Constant
from .ops.convolution import Convolution
from .ops.convolution_backprop_data import ConvolutionBackpropData
from .ops.matmul import MatMul
from .ops.multiply import Multiply
from .ops.pad import Pad
from .ops.registry import Shape
from .simplify_edits import take_place

LAYERS = ("Convolution", "ConvolutionBackpropData", "MatMul")
WITHOUT_BIASES = "/WithoutBiases"  # Model Optimizer's name for a layer whose bias is an Add of the layer's own name


def decompose_batch_norm(graph: Graph) -> list[str]:
    """BatchNormInference -> Multiply and Add, with the deviation and the mean inside the constants."""
    done = []
    for node in graph.of_type("BatchNormInference"):
        assert isinstance(node.op, BatchNormInference)
        x, *parameters = node.inputs
        if any(p.constant is None for p in parameters):
            continue
        gamma, beta, mean, variance = (np.asarray(p.constant, np.float64) for p in parameters)
        scale = gamma / np.sqrt(variance + node.op.epsilon)
        shift = beta - mean * scale
        factor, term = (_per_channel_constant(graph, f"{node.name}/{what}", v, x) for what, v in (("scale", scale), ("shift", shift)))
        scaled = graph.add(Multiply(), [x, factor], graph.unique_name(f"{node.name}/scaled"))
        take_place(graph, node, graph.add(Add(), [scaled.output, term]))
        done.append(f"{node.name!r} (BatchNormInference) written as Multiply and Add")
    return done


def _per_channel_constant(graph: Graph, name: str, values: np.ndarray, like: Tensor) -> Tensor:
    """A Constant (1,C,1,...) of the type and rank of `like`."""
    return graph.constant(values.astype(like.dtype).reshape(1, -1, *(1,) * (len(like.shape) - 2)), graph.unique_name(name))


# ---- padding -------------------------------------------------------------------------------------------------------------------


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
            tuple(a + b for a, b in zip(old, new, strict=True))
            for old, new in zip((node.op.pads_begin, node.op.pads_end), widths, strict=True)
        )
        graph.set_input(node, 0, pad.inputs[0])
        graph.replace_op(node, replace(node.op, pads_begin=begin, pads_end=end))
        done.append(f"{pad.name!r} (Pad) folded into {node.name!r}")
    return done


def _zero_padding(node: Node) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(begin, end) of the spatial dimensions, if the node is a Pad that puts zeros around these only."""
    if not isinstance(node.op, Pad) or node.op.pad_mode != "constant" or any(t.constant is None for t in node.inputs[1:]):
        return None
    begin, end, *value = (np.asarray(t.constant) for t in node.inputs[1:])
    if any(v != 0 for v in value) or begin[:2].any() or end[:2].any():
        return None
    return tuple(begin[2:].tolist()), tuple(end[2:].tolist())


# ---- factors and terms ---------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A layer that computes y = x * scale + shift, one number of each for every channel; float64."""

    node: Node
    scale: np.ndarray
    shift: np.ndarray


def fold_following_arithmetic(graph: Graph) -> list[str]:
    """Fold what follows each layer with constant weights into its weights and one Add, named as Model Optimizer names them."""
    done = []
    for layer in graph.of_type(*LAYERS):
        weights = layer.inputs[1].constant
        if weights is None or (layer.type == "MatMul" and weights.ndim != 2):
            continue
        steps = list(_following_steps(layer))
        is_bias_already = [s.node.type for s in steps] == ["Add"] and steps[0].node.inputs[1].constant is not None
        scale, shift = _compose(steps)
        if steps and not is_bias_already and np.isfinite([scale, shift]).all():
            done += [f"{s.node.name!r} ({s.node.type}) folded into {layer.name!r}" for s in steps]
            _scale_weights(graph, layer, weights, scale)
            _replace_by_bias(graph, layer, steps, shift)
    return done


def _following_steps(layer: Node) -> Iterator[Step]:
    """The factors and terms behind a layer, one after the other, as long as nobody reads what is between them."""
    tail = layer.output
    while len(tail.consumers) == 1:
        use = tail.consumers[0]
        step = _as_step(use.node, use.port, channel_axis=1 if layer.type != "MatMul" else len(tail.shape) - 1)
        if step is None:
            return
        yield step
        tail = step.node.output


def _as_step(node: Node, port: int, channel_axis: int) -> Step | None:
    """A node with data at `port` and a constant at the other, read as a factor or a term for each channel."""
    if node.type not in ("Add", "Multiply", "Subtract", "Divide") or (node.type in ("Subtract", "Divide") and port == 1):
        return None
    constant = _per_channel(node.inputs[1 - port], node.inputs[port].shape, channel_axis)
    if constant is None:
        return None
    ones, zeros = np.ones_like(constant), np.zeros_like(constant)
    with np.errstate(divide="ignore"):
        return {
            "Add": Step(node, ones, constant),
            "Subtract": Step(node, ones, -constant),
            "Multiply": Step(node, constant, zeros),
            "Divide": Step(node, 1 / constant, zeros),
        }[node.type]


def _per_channel(tensor: Tensor, data_shape: Shape, channel_axis: int) -> np.ndarray | None:
    """(C,) float64, if the tensor is a Constant that broadcasts along the channels only."""
    value, rank = tensor.constant, len(data_shape)
    if value is None or value.ndim > rank:
        return None
    shape = (1,) * (rank - value.ndim) + value.shape
    if any(d != 1 for axis, d in enumerate(shape) if axis != channel_axis) or shape[channel_axis] not in (1, data_shape[channel_axis]):
        return None
    return np.broadcast_to(value.astype(np.float64).reshape(-1), data_shape[channel_axis])


def _compose(steps: list[Step]) -> tuple[np.ndarray, np.ndarray]:
    """(scale, shift) of all steps, the first one applied first."""
    scale, shift = np.float64(1), np.float64(0)
    for step in steps:
        scale, shift = scale * step.scale, shift * step.scale + step.shift
    return scale, shift


def _scale_weights(graph: Graph, layer: Node, weights: np.ndarray, scale: np.ndarray) -> None:
    """Multiply each output channel's weights. A Constant that other layers read too is not touched, but copied."""
    axes: tuple[int, ...]
    grouped = weights
    if isinstance(layer.op, ConvolutionBackpropData):  # (C,O/groups,*kernel): the output channels of group g are in its block of rows
        grouped = weights.reshape(layer.op.groups, -1, *weights.shape[1:])
        axes = (0, 2)
    elif isinstance(layer.op, MatMul):
        axes = (0,) if layer.op.transpose_b else (1,)
    else:
        axes = (0,)
    factor = scale.reshape([d if axis in axes else 1 for axis, d in enumerate(grouped.shape)])
    scaled = Constant(value=(grouped * factor).astype(weights.dtype).reshape(weights.shape))
    constant = layer.inputs[1].producer
    if len(constant.output.consumers) == 1:
        graph.replace_op(constant, scaled)
    else:
        graph.set_input(layer, 1, graph.add(scaled, name=graph.unique_name(constant.name)).output)


def _replace_by_bias(graph: Graph, layer: Node, steps: list[Step], shift: np.ndarray) -> None:
    """Put one Add in the place of the steps; none if there is nothing to add."""
    result = layer.output
    name = layer.name.removesuffix(WITHOUT_BIASES)
    end = steps[-1].node.output
    if shift.any():
        channels_last = layer.type == "MatMul"
        rank = len(layer.output.shape)
        shape = (*(1,) * (rank - 1), -1) if channels_last else (1, -1, *(1,) * (rank - 2))
        bias = graph.constant(shift.astype(layer.output.dtype).reshape(shape), graph.unique_name(f"{name}/bias"))
        result = graph.add(Add(), [layer.output, bias]).output
    graph.redirect(end, result)
    for step in reversed(steps):
        graph.remove(step.node)
    if result is not layer.output:
        graph.rename(layer, name + WITHOUT_BIASES)
        graph.rename(result.producer, name)
