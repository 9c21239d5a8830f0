"""Calls of the recurrent operators: what may be missing, directions, both layouts of a GRU's reset gate."""

from typing import Any

import numpy as np

from .cases import Call, call, normal

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(
    kind: str, size: int = 4, *more: np.ndarray | None, direction: str = "forward", **attributes: Any
) -> Call:
    """x (5,2,3), w, r and the optional inputs after them."""
    directions, rows = 2 if direction == "bidirectional" else 1, GATES[kind] * size
    if "bias" in attributes:
        attributes.pop("bias")
        more = (normal(directions, 2 * rows), *more)
    weights = (normal(directions, rows, 3), normal(directions, rows, size))
    outputs = 3 if kind == "LSTM" else 2
    return call(
        kind,
        normal(5, 2, 3),
        constants=(*weights, *more),
        outputs=outputs,
        direction=direction,
        hidden_size=size,
        **attributes,
    )


LENGTHS = np.array([5, 2], np.int32)
SEQUENCES = [
    *(recurrent(kind) for kind in GATES),
    *(
        recurrent(kind, direction=direction, bias=True)
        for kind in GATES
        for direction in ("reverse", "bidirectional")
    ),
    *(
        recurrent(
            kind, 4, LENGTHS, normal(1, 2, 4), *([normal(1, 2, 4)] if kind == "LSTM" else []), bias=True
        )
        for kind in GATES
    ),
    recurrent("GRU", linear_before_reset=1, bias=True, direction="bidirectional"),
    *(recurrent(kind, clip=0.5, bias=True) for kind in GATES),
    recurrent("RNN", activations=["Relu"]),
    recurrent("GRU", activations=["Sigmoid", "Relu"] * 2, direction="bidirectional"),
]
