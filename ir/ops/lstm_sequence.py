"""LSTMSequence: a long short-term memory along a sequence (OpenVINO LSTMSequence-5; ONNX LSTM without
peepholes).
"""

import numpy as np

from ..dtypes import DType
from .common.operator import Shape, operator
from .common.recurrent_cells import RecurrentSequence


@operator("LSTMSequence")
class LSTMSequence(RecurrentSequence):
    activations: str = "sigmoid,tanh,tanh"  # of the gates, of the candidate, of the cell state on its way out

    gates, functions = 4, 3

    def infer_shape(
        self,
        x: Shape,
        hidden: Shape,
        cell_state: Shape,
        sequence_lengths: Shape,
        w: Shape,
        r: Shape,
        b: Shape,
    ) -> list[Shape]:
        return self.sequence_shapes(x, [hidden, cell_state], sequence_lengths, w, r, b)

    def infer_dtype(
        self, x: DType, hidden: DType, cell_state: DType, lengths: DType, w: DType, r: DType, b: DType
    ) -> DType:
        return self.sequence_dtype(lengths, x, hidden, cell_state, w, r, b)

    def evaluate(
        self,
        x: np.ndarray,
        hidden: np.ndarray,
        cell_state: np.ndarray,
        sequence_lengths: np.ndarray,
        w: np.ndarray,
        r: np.ndarray,
        b: np.ndarray,
    ) -> list[np.ndarray]:
        """[y (N,D,T,S), last hidden, last cell state (N,D,S)]. Gates in w, r and b: forget, input, candidate,
        output.
        """
        return self.walk(x, [hidden, cell_state], sequence_lengths, w, r, b)

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        hidden, memory = state
        f, i, c, o = np.split(xw + hidden @ r.T + b, 4, axis=1)
        memory = self.gate(0, f) * memory + self.gate(0, i) * self.gate(1, c)
        return [self.gate(0, o) * self.activate(2, memory), memory]
