"""SpaceToDepth: blocks of pixels become channels, (N,C,H*b,W*b) -> (N,C*b*b,H,W) (OpenVINO
SpaceToDepth-1).
"""

from typing import Literal

import numpy as np

from .common.operator import Operator, OperatorError, Shape, operator
from .depth_to_space import image_shape


@operator("SpaceToDepth")
class SpaceToDepth(Operator):
    mode: Literal["blocks_first", "depth_first"]  # as in DepthToSpace, which it undoes
    block_size: int = 1

    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        n, channels, height, width = image_shape(x)
        if self.block_size < 1 or height % self.block_size or width % self.block_size:
            raise OperatorError(
                f"{height} x {width} cannot be cut into blocks of {self.block_size} x {self.block_size}"
            )
        return n, channels * self.block_size**2, height // self.block_size, width // self.block_size

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        n, channels, height, width = self.infer_shape(x.shape)
        b = self.block_size
        blocks = x.reshape(n, x.shape[1], height, b, width, b)
        order = (0, 3, 5, 1, 2, 4) if self.mode == "blocks_first" else (0, 1, 3, 5, 2, 4)
        return blocks.transpose(order).reshape(n, channels, height, width)
