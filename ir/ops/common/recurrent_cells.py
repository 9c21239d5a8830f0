"""What LSTMSequence, GRUSequence and RNNSequence share: how a cell walks along a sequence, in one direction
or in both.

Shapes, as in OpenVINO (D directions, G gates, N samples, T steps, I inputs, S = hidden_size):

    x (N,T,I)   state (N,D,S)   sequence_lengths (N,)   w (D,G*S,I)   r (D,G*S,S)   b (D,G*S)
    ->   y (N,D,T,S), last state (N,D,S)

Steps past a sample's length change nothing: y is 0 there and the state stays. Walking in reverse begins at
the last valid step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...dtypes import FLOATS, DType
from .axes import check_integers
from .functions import sigmoid
from .operator import Operator, OperatorError, Shape

OPERATIONS_A_STEP = 2**14  # elements that could be read in the time that Python needs for one step
Direction = Literal["forward", "reverse", "bidirectional"]
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


@dataclass(frozen=True, kw_only=True)
class RecurrentSequence(Operator):
    """An operator that applies a cell to every step of a sequence."""

    hidden_size: int
    direction: Direction
    activations: str  # names separated by commas, in the order of the cell's functions
    clip: float = 0.0  # what a gate computes is kept within [-clip, clip] before its activation; 0: it is not

    accepts = FLOATS
    gates: ClassVar[int]  # parts of w, r and b
    functions: ClassVar[int]  # activations a cell uses

    @property
    def bias_parts(self) -> int:
        return self.gates

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        """The next state, [(N,S), ...]. xw: (N,G*S), the step's input times w; r: (G*S,S); b: (G*S,)."""
        raise NotImplementedError

    def gate(self, i: int, x: np.ndarray) -> np.ndarray:
        """The cell's function i of what a gate computes."""
        return self.activate(i, np.clip(x, -self.clip, self.clip) if self.clip > 0 else x)

    def activate(self, i: int, x: np.ndarray) -> np.ndarray:
        return ACTIVATIONS[self.activations.split(",")[i]](x)

    # ---- shapes --------------------------------------------------------------------------------------------

    def sequence_shapes(
        self, x: Shape, states: list[Shape], lengths: Shape, w: Shape, r: Shape, b: Shape
    ) -> list[Shape]:
        """[y, last state, ...]; OperatorError unless everything fits together."""
        names = self.activations.split(",")
        unknown = [name for name in names if name not in ACTIVATIONS]
        if unknown or len(names) != self.functions:
            raise OperatorError(
                f"activations must be {self.functions} of {', '.join(ACTIVATIONS)}, found "
                f"{self.activations!r}"
            )
        if len(x) != 3 or self.hidden_size < 1:
            raise OperatorError(
                f"x must be (N, T, inputs) and hidden_size above 0, found {list(x)} and {self.hidden_size}"
            )
        directions, size = 2 if self.direction == "bidirectional" else 1, self.hidden_size
        state, rows = (x[0], directions, size), self.gates * size
        expected = {
            "state": (state, states),
            "sequence_lengths": ((x[0],), [lengths]),
            "w": ((directions, rows, x[2]), [w]),
            "r": ((directions, rows, size), [r]),
            "b": ((directions, self.bias_parts * size), [b]),
        }
        for name, (shape, found) in expected.items():
            for other in found:
                if other != shape:
                    raise OperatorError(f"{name} must have shape {list(shape)}, found {list(other)}")
        return [(x[0], directions, x[1], size), *(state for _ in states)]

    def sequence_dtype(self, lengths: DType, *dtypes: DType) -> DType:
        check_integers(lengths, "sequence_lengths")
        return super().infer_dtype(*dtypes)

    def operations(self, inputs: list[Shape], outputs: list[Shape]) -> int:
        (N, directions, steps, size), features = outputs[0], inputs[0][-1]
        return directions * steps * (OPERATIONS_A_STEP + N * self.gates * size * (features + size))

    # ---- values --------------------------------------------------------------------------------------------

    def walk(
        self,
        x: np.ndarray,
        states: list[np.ndarray],
        lengths: np.ndarray,
        w: np.ndarray,
        r: np.ndarray,
        b: np.ndarray,
    ) -> list[np.ndarray]:
        """[y, last state, ...], computed in float32."""
        order = ["forward", "reverse"] if self.direction == "bidirectional" else [self.direction]
        x32, w32, r32, b32 = (a.astype(np.float32) for a in (x, w, r, b))
        walks = []
        for d, direction in enumerate(order):
            start = [s[:, d].astype(np.float32) for s in states]
            walks.append(
                self._walk_one_way(
                    x32 @ w32[d].T, start, lengths, r32[d], b32[d], reverse=direction == "reverse"
                )
            )
        return [np.stack(parts, axis=1).astype(x.dtype) for parts in zip(*walks, strict=True)]

    def _walk_one_way(
        self,
        xw: np.ndarray,
        state: list[np.ndarray],
        lengths: np.ndarray,
        r: np.ndarray,
        b: np.ndarray,
        *,
        reverse: bool,
    ) -> list[np.ndarray]:
        """[(N,T,S), (N,S), ...] from xw (N,T,G*S) and the first state [(N,S), ...]."""
        samples, steps = np.arange(len(xw)), xw.shape[1]
        lengths = np.clip(lengths, 0, steps).astype(np.int64)
        y = np.zeros((len(xw), steps, self.hidden_size), np.float32)
        for t in range(lengths.max(initial=0)):
            valid = t < lengths
            place = np.where(valid, lengths - 1 - t if reverse else t, 0)
            moved = self.cell(xw[samples, place], state, r, b)
            state = [np.where(valid[:, None], new, old) for new, old in zip(moved, state, strict=True)]
            y[samples[valid], place[valid]] = state[0][valid]
        return [y, *state]


class HiddenStateSequence(RecurrentSequence):
    """One whose cell has no state but the hidden one."""

    def infer_shape(
        self, x: Shape, hidden: Shape, sequence_lengths: Shape, w: Shape, r: Shape, b: Shape
    ) -> list[Shape]:
        return self.sequence_shapes(x, [hidden], sequence_lengths, w, r, b)

    def infer_dtype(self, x: DType, hidden: DType, lengths: DType, w: DType, r: DType, b: DType) -> DType:
        return self.sequence_dtype(lengths, x, hidden, w, r, b)

    def evaluate(
        self,
        x: np.ndarray,
        hidden: np.ndarray,
        sequence_lengths: np.ndarray,
        w: np.ndarray,
        r: np.ndarray,
        b: np.ndarray,
    ) -> list[np.ndarray]:
        """[y (N,D,T,S), last hidden (N,D,S)]."""
        return self.walk(x, [hidden], sequence_lengths, w, r, b)
