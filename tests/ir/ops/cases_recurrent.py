"""Recurrent layers: directions, sequences of several lengths, clipping, other activations, both forms of a
GRU.
"""

from typing import Any

import numpy as np
import openvino.opset15 as ov

from numpot.ir.ops.gru_sequence import GRUSequence
from numpot.ir.ops.lstm_sequence import LSTMSequence
from numpot.ir.ops.rnn_sequence import RNNSequence

from .battery import Case

rng = np.random.default_rng(14)
KINDS: dict[str, tuple[type, Any, int, int]] = {  # operator, OpenVINO's, gates, states
    "lstm": (LSTMSequence, ov.lstm_sequence, 4, 2),
    "gru": (GRUSequence, ov.gru_sequence, 3, 1),
    "rnn": (RNNSequence, ov.rnn_sequence, 1, 1),
}


def recurrent(
    kind: str,
    n: int,
    steps: int,
    inputs: int,
    size: int,
    direction: str,
    lengths: Any = None,
    **attributes: Any,
) -> Case:
    operator, function, gates, states = KINDS[kind]
    directions = 2 if direction == "bidirectional" else 1
    linear = bool(attributes.get("linear_before_reset"))

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) * np.float32(0.7)

    rows, bias_rows = gates * size, (gates + linear) * size
    arrays = [
        normal(n, steps, inputs),
        *(normal(n, directions, size) for _ in range(states)),
        np.array([steps] * n if lengths is None else lengths, np.int32),
        *(normal(directions, rows, inputs), normal(directions, rows, size), normal(directions, bias_rows)),
    ]
    op = operator(hidden_size=size, direction=direction, **attributes)

    def vendor(*ports: Any) -> Any:
        options = {"activations": op.activations.split(","), "clip": op.clip}
        if linear:
            options["linear_before_reset"] = True
        return function(*ports, size, direction, **options)

    suffixes = [*attributes, *(["lengths"] if lengths else [])]
    label = "-".join([kind, direction, f"{steps}x{inputs}x{size}", *suffixes])
    constants = tuple(range(len(arrays) - 3, len(arrays)))
    return Case(op, arrays, vendor, constants, rtol=1e-4, atol=1e-5, label=label)


CASES = [
    *(
        recurrent(kind, 2, 5, 3, 4, direction)
        for kind in KINDS
        for direction in ("forward", "reverse", "bidirectional")
    ),
    *(recurrent(kind, 3, 4, 2, 3, "bidirectional", lengths=[4, 1, 2]) for kind in KINDS),
    *(recurrent(kind, 1, 1, 3, 2, "forward", clip=0.4) for kind in KINDS),
    recurrent("gru", 2, 5, 3, 4, "bidirectional", linear_before_reset=True),
    recurrent("lstm", 2, 3, 3, 4, "forward", activations="sigmoid,relu,tanh"),
    recurrent("rnn", 2, 3, 3, 4, "reverse", activations="relu"),
]
