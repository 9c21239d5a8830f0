"""GRUSequence: gated recurrent units along a sequence (OpenVINO GRUSequence-5; ONNX GRU).

Gates in w, r and b: update, reset, candidate.
"""

import numpy as np

from .common.operator import operator
from .common.recurrent_cells import HiddenStateSequence


@operator("GRUSequence")
class GRUSequence(HiddenStateSequence):
    activations: str = "sigmoid,tanh"  # of the gates, of the candidate
    # the reset gate acts behind the product with r; b then has a fourth part, that product's own bias
    linear_before_reset: bool = False

    gates, functions = 3, 2

    @property
    def bias_parts(self) -> int:
        return 4 if self.linear_before_reset else 3

    def cell(self, xw: np.ndarray, state: list[np.ndarray], r: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        (hidden,) = state
        size = self.hidden_size
        r_gates, r_candidate = r[: 2 * size], r[2 * size :]
        update, reset = np.split(
            self.gate(0, xw[:, : 2 * size] + hidden @ r_gates.T + b[: 2 * size]), 2, axis=1
        )
        after = self.linear_before_reset
        recurrent = (
            reset * (hidden @ r_candidate.T + b[3 * size :]) if after else (reset * hidden) @ r_candidate.T
        )
        candidate = self.gate(1, xw[:, 2 * size :] + recurrent + b[2 * size : 3 * size])
        return [(1 - update) * candidate + update * hidden]
