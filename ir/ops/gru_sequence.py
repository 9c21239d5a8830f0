"""GRUSequence: gated recurrent units along a sequence (OpenVINO GRUSequence-5; ONNX GRU)."""

import numpy as np

from ..dtypes import DType
from .recurrent import RecurrentSequence
from .registry import Shape, operator


@operator("GRUSequence")
class GRUSequence(RecurrentSequence):
    activations: str = "sigmoid,tanh"  # of the gates, of the candidate
    linear_before_reset: bool = False  # the reset gate acts behind the product with r; b then has a fourth part, that product's own bias

    gates, functions = 3, 2

    @property
    def bias_parts(self) -> int:
        return 4 if self.linear_before_reset else 3

    def infer_shape(self, x: Shape, hidden: Shape, sequence_lengths: Shape, w: Shape, r: Shape, b: Shape) -> list[Shape]:
        return self.sequence_shapes(x, [hidden], sequence_lengths, w, r, b)

    def infer_dtype(self, x: DType, hidden: DType, lengths: DType, w: DType, r: DType, b: DType) -> DType:
        return self.sequence_dtype(lengths, x, hidden, w, r, b)

    def evaluate(
        self, x: np.ndarray, hidden: np.ndarray, sequence_lengths: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray
    ) -> list[np.ndarray]:
        """[y (N,D,T,S), last hidden (N,D,S)]. Gates in w, r and b: update, reset, candidate."""
        return self.walk(x, [hidden], sequence_lengths, w, r, b)

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        (hidden,) = state
        size = self.hidden_size
        r_gates, r_candidate = r[: 2 * size], r[2 * size :]
        update, reset = np.split(self.gate(0, xw[:, : 2 * size] + hidden @ r_gates.T + b[: 2 * size]), 2, axis=1)
        after = self.linear_before_reset
        recurrent = reset * (hidden @ r_candidate.T + b[3 * size :]) if after else (reset * hidden) @ r_candidate.T
        candidate = self.gate(1, xw[:, 2 * size :] + recurrent + b[2 * size : 3 * size])
        return [(1 - update) * candidate + update * hidden]
