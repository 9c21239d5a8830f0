"""DepthToSpace: channels become blocks of pixels, (N,C*b*b,H,W) -> (N,C,H*b,W*b) (OpenVINO
DepthToSpace-1).
"""

from typing import Literal

import numpy as np

from .common.operator import Operator, OperatorError, Shape, operator


@operator("DepthToSpace")
class DepthToSpace(Operator):
    # which is the slow one in a channel's number: the place in the block, or C
    mode: Literal["blocks_first", "depth_first"]
    block_size: int = 1

    computes_on_codes = True
    keeps_to_a_sample = True

    def infer_shape(self, x: Shape) -> Shape:
        n, channels, height, width = image_shape(x)
        if self.block_size < 1 or channels % self.block_size**2:
            raise OperatorError(
                f"{channels} channels cannot become blocks of {self.block_size} x {self.block_size}"
            )
        return n, channels // self.block_size**2, height * self.block_size, width * self.block_size

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        n, channels, height, width = self.infer_shape(x.shape)
        b, h, w = self.block_size, x.shape[2], x.shape[3]
        if self.mode == "blocks_first":
            blocks = x.reshape(n, b, b, channels, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            blocks = x.reshape(n, channels, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, channels, height, width)  # from (N,C,h,b,w,b)


def image_shape(x: Shape) -> tuple[int, int, int, int]:
    """The four dimensions of a batch of images; OperatorError for a tensor of another rank."""
    if len(x) != 4:
        raise OperatorError(f"the input must be (N, C, H, W), found shape {list(x)}")
    return x
