"""RNNSequence: a plain recurrent layer along a sequence (OpenVINO RNNSequence-5; ONNX RNN)."""

import numpy as np

from ..dtypes import DType
from .recurrent import RecurrentSequence
from .registry import Shape, operator


@operator("RNNSequence")
class RNNSequence(RecurrentSequence):
    activations: str = "tanh"

    gates, functions = 1, 1

    def infer_shape(self, x: Shape, hidden: Shape, sequence_lengths: Shape, w: Shape, r: Shape, b: Shape) -> list[Shape]:
        return self.sequence_shapes(x, [hidden], sequence_lengths, w, r, b)

    def infer_dtype(self, x: DType, hidden: DType, lengths: DType, w: DType, r: DType, b: DType) -> DType:
        return self.sequence_dtype(lengths, x, hidden, w, r, b)

    def evaluate(
        self, x: np.ndarray, hidden: np.ndarray, sequence_lengths: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray
    ) -> list[np.ndarray]:
        """[y (N,D,T,S), last hidden (N,D,S)]."""
        return self.walk(x, [hidden], sequence_lengths, w, r, b)

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [self.gate(0, xw + state[0] @ r.T + b)]
