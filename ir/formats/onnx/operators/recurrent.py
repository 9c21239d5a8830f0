"""LSTM, GRU and RNN, and the three sequence operators they become.

ONNX has time in front, (T,N,I), and gates in another order; it adds two biases where one would do. Here, as
in OpenVINO, samples are in front, and the two are added up beforehand.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .... import memory
from ....dtypes import F32, I32
from ....graph import Tensor
from ....ops.broadcast import Broadcast
from ....ops.common.recurrent_cells import ACTIVATIONS, RecurrentSequence
from ....ops.concat import Concat
from ....ops.gather import Gather
from ....ops.gru_sequence import GRUSequence
from ....ops.lstm_sequence import LSTMSequence
from ....ops.rnn_sequence import RNNSequence
from ....ops.shape_of import ShapeOf
from ....ops.transpose import Transpose
from ..errors import OnnxError
from ..node_writer import Emitter, writes
from ..onnx_node import OnnxNode, reads

OPERATORS: dict[str, type[RecurrentSequence]] = {"LSTM": LSTMSequence, "GRU": GRUSequence, "RNN": RNNSequence}

#: Where in ONNX's order of gates each of ours is: forget, input, candidate, output from input, output,
#: forget, candidate.
GATES = {"LSTM": [2, 0, 3, 1], "GRU": [0, 1, 2], "RNN": [0]}
DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
DIRECTIONS = {name: name for name in ("forward", "reverse", "bidirectional")}


@reads(*OPERATORS, ignored=("output_sequence",))
def recurrent(node: OnnxNode) -> list[Tensor]:
    """(y, last state, [last cell state]). layout 1 is samples in front in ONNX, too."""
    direction = node.choice("direction", "forward", DIRECTIONS)
    directions, layout = 2 if direction == "bidirectional" else 1, node.attribute("layout", 0)
    parts, states = len(GATES[node.type]), 2 if node.type == "LSTM" else 1
    w, r = (_reordered(node.known(i), node.type) for i in (1, 2))
    size = r.shape[-1]
    if node.attribute("hidden_size", size) != size:
        raise OnnxError(f"hidden_size must be that of the recurrence weights, {size}")
    if node.attribute("input_forget", 0) or node.has(7):
        raise OnnxError("peepholes (input P) and input_forget are not supported")
    linear = node.type == "GRU" and bool(node.attribute("linear_before_reset", 0))
    attributes: dict[str, Any] = {"linear_before_reset": True} if linear else {}
    op = OPERATORS[node.type](
        hidden_size=size,
        direction=direction,
        activations=_activations(node, directions),
        clip=node.attribute("clip", 0.0),
        **attributes,
    )
    x = node.input(0) if layout else _permuted(node, node.input(0), (1, 0, 2), "x")
    zeros = np.zeros((directions, 2 * parts * size), w.dtype)
    bias = _joined_bias(node.known(3) if node.has(3) else zeros, node.type, linear)
    initial = [_initial_state(node, 5 + k, x, (directions, size), layout) for k in range(states)]
    tensors = [node.constant(v, name, v.dtype) for v, name in ((w, "w"), (r, "r"), (bias, "b"))]
    y, *last = node.add_all(op, x, *initial, _lengths(node, x), *tensors, suffix="sequence")
    y = _permuted(node, y, (0, 2, 1, 3) if layout else (2, 1, 0, 3), "")
    return [
        y,
        *(
            s if layout else _permuted(node, s, (1, 0, 2), "last_" + name)
            for s, name in zip(last, ("h", "c"), strict=False)
        ),
    ]


def _reordered(weights: np.ndarray, kind: str) -> np.ndarray:
    """(D, gates * S, ...) with the gates in our order."""
    return _in_order(weights, GATES[kind])


def _joined_bias(bias: np.ndarray, kind: str, linear: bool) -> np.ndarray:
    """(D, 2 * gates * S), for the input and for the state, as their sum; but for the candidate of a GRU that
    resets late.
    """
    of_input, of_state = (_reordered(part, kind) for part in np.split(bias, 2, axis=1))
    if not linear:
        return of_input + of_state
    size = of_input.shape[1] // 3
    gates = (of_input + of_state)[:, : 2 * size]
    return np.concatenate([gates, of_input[:, 2 * size :], of_state[:, 2 * size :]], axis=1)


def _activations(node: OnnxNode, directions: int) -> str:
    """The names for one direction, which must be those of the other."""
    names = [n.decode() for n in node.attribute("activations", ())] or DEFAULTS[node.type] * directions
    count = len(DEFAULTS[node.type])
    if node.attribute("activation_alpha") or node.attribute("activation_beta"):
        raise OnnxError("activation_alpha and activation_beta are not supported")
    if len(names) != count * directions or names[:count] * directions != names:
        raise OnnxError(
            f"activations must be {count} names, the same in both directions, found {', '.join(names)}"
        )
    lower = [name.lower() for name in names[:count]]
    if any(name not in ACTIVATIONS for name in lower):
        raise OnnxError(f"activations must be of {', '.join(ACTIVATIONS)}, found {', '.join(names)}")
    return ",".join(lower)


def _permuted(node: OnnxNode, x: Tensor, order: tuple[int, ...], suffix: str) -> Tensor:
    return node.add(Transpose(), x, node.constant(order, "order"), suffix=suffix)


def _initial_state(node: OnnxNode, i: int, x: Tensor, size: tuple[int, int], layout: int) -> Tensor:
    """Input i, (D,N,S), as (N,D,S); zeros if it is missing."""
    if node.has(i):
        return node.input(i) if layout else _permuted(node, node.input(i), (1, 0, 2), f"state_{i}")
    zero = node.constant(0, "zero", x.dtype)
    if x.shape[0] != -1:
        memory.take(8 * x.shape[0] * math.prod(size), "the state to begin with")
        return node.constant(np.zeros((x.shape[0], *size)), f"state_{i}", x.dtype)
    shape = node.add(
        Concat(axis=0), _dimension(node, x, 0), node.constant(size, "size"), suffix=f"state_{i}/shape"
    )
    return node.add(Broadcast(), zero, shape, suffix=f"state_{i}")


def _lengths(node: OnnxNode, x: Tensor) -> Tensor:
    """Input 4, the number of steps of each sample; all of them if it is missing."""
    if node.has(4):
        return node.input(4)
    if -1 not in x.shape[:2]:
        return node.constant([x.shape[1]] * x.shape[0], "lengths", I32)
    return node.add(Broadcast(), _dimension(node, x, 1), _dimension(node, x, 0), suffix="lengths")


def _dimension(node: OnnxNode, x: Tensor, axis: int) -> Tensor:
    """A dimension of x as a vector of one number."""
    shape = node.add(ShapeOf(), x, suffix=f"shape_{axis}")
    return node.add(
        Gather(),
        shape,
        node.constant([axis], f"index_{axis}"),
        node.constant(0, "axis"),
        suffix=f"dimension_{axis}",
    )


# ---- the other way -----------------------------------------------------------------------------------------


@writes("LSTMSequence", "GRUSequence", "RNNSequence")
def write_recurrent(node: Emitter) -> None:
    op, kind = node.op, node.node.type.removesuffix("Sequence")
    states = 2 if kind == "LSTM" else 1
    linear = kind == "GRU" and op.linear_before_reset
    w, r, b = (node.known(len(node.node.inputs) - 3 + k) for k in range(3))
    back = np.argsort(GATES[kind]).tolist()
    x = node.emit("Transpose", node.input(0), suffix="x", perm=(1, 0, 2))
    initial = [
        node.emit("Transpose", node.input(1 + k), suffix=f"state_{k}", perm=(1, 0, 2)) for k in range(states)
    ]
    lengths = node.input(1 + states)
    if node.dtype(1 + states) != I32:
        lengths = node.cast(lengths, I32, suffix="lengths")
    arrays = [_in_order(w, back), _in_order(r, back), _two_biases(b, back, linear)]
    weights = [
        node.array(a.astype(F32), f"{node.node.name}/{name}")
        for a, name in zip(arrays, ("w", "r", "b"), strict=True)
    ]
    made = [node.step("y"), *(node.step(f"last_{k}") for k in range(states))]
    names = [name.capitalize() for name in op.activations.split(",")] * (
        2 if op.direction == "bidirectional" else 1
    )
    node.emit_as(
        node.node.name,
        kind,
        *(x, *weights, lengths, *initial),
        outputs=made,
        hidden_size=op.hidden_size,
        direction=op.direction,
        activations=names,
        clip=op.clip or None,
        linear_before_reset=1 if linear else None,
    )
    for name, source, perm in zip(node.outputs, made, ((2, 1, 0, 3), (1, 0, 2), (1, 0, 2)), strict=False):
        node.emit_as(node.step("outwards"), "Transpose", source, outputs=[name], perm=perm)


def _in_order(weights: np.ndarray, order: Sequence[int]) -> np.ndarray:
    parts = np.split(weights, len(order), axis=1)
    return np.concatenate([parts[i] for i in order], axis=1)


def _two_biases(b: np.ndarray, order: Sequence[int], linear: bool) -> np.ndarray:
    """(D, 2 * gates * S): ours for the input, and zeros for the state, but for the candidate of a GRU that
    resets late.
    """
    size = b.shape[1] // (len(order) + linear)
    of_input = _in_order(b[:, : len(order) * size], order)
    of_state = np.zeros_like(of_input)
    if linear:
        of_state[:, 2 * size :] = b[:, 3 * size :]
    return np.concatenate([of_input, of_state], axis=1)
