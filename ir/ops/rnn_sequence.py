"""RNNSequence: a plain recurrent layer along a sequence (OpenVINO RNNSequence-5; ONNX RNN)."""

import numpy as np

from .common.operator import operator
from .common.recurrent_cells import HiddenStateSequence


@operator("RNNSequence")
class RNNSequence(HiddenStateSequence):
    activations: str = "tanh"

    gates, functions = 1, 1

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [self.gate(0, xw + state[0] @ r.T + b)]
