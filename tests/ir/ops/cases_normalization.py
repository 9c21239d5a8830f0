"""Batch norm, mean-variance and length normalization."""

from typing import Any

import numpy as np
import openvino.opset15 as ov
from openvino.utils.node_factory import NodeFactory

from numpot.ir.ops.batch_norm_inference import BatchNormInference
from numpot.ir.ops.mvn import MVN
from numpot.ir.ops.normalize_l2 import NormalizeL2

from .battery import Case

rng = np.random.default_rng(13)
OPSET1 = NodeFactory("opset1")  # openvino.opset15.normalize_l2 ignores its eps_mode


def normal(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return (2 + 3 * rng.standard_normal(shape)).astype(dtype)


def batch_norm(*shape: int, epsilon: float = 1e-3, dtype: Any = np.float32) -> Case:
    channels = shape[1]
    parameters = [normal(channels, dtype=dtype), normal(channels, dtype=dtype), normal(channels, dtype=dtype)]
    variance = rng.uniform(0, 2, channels).astype(dtype)
    return Case(
        BatchNormInference(epsilon=epsilon),
        [normal(*shape, dtype=dtype), *parameters, variance],
        lambda *nodes: ov.batch_norm_inference(*nodes, epsilon),
        constant_inputs=(1, 2, 3, 4),
        rtol=1e-5 if dtype == np.float32 else 5e-3,
        atol=1e-5 if dtype == np.float32 else 5e-3,
    )


def mvn(
    shape: tuple[int, ...],
    axes: list[int],
    normalize_variance: bool = True,
    eps: float = 1e-5,
    eps_mode: Any = "inside_sqrt",
) -> Case:
    return Case(
        MVN(normalize_variance=normalize_variance, eps=eps, eps_mode=eps_mode),
        [normal(*shape), np.array(axes, np.int64)],
        lambda x, along: ov.mvn(x, along, normalize_variance, eps, eps_mode),
        atol=1e-5,
        label=f"{shape}{axes}{normalize_variance}{eps}{eps_mode}".replace(" ", ""),
    )


def normalize_l2(shape: tuple[int, ...], axes: list[int], eps: float, eps_mode: Any) -> Case:
    return Case(
        NormalizeL2(eps=eps, eps_mode=eps_mode),
        [normal(*shape), np.array(axes, np.int64)],
        lambda x, along: OPSET1.create("NormalizeL2", [x, along], {"eps": eps, "eps_mode": eps_mode}),
        label=f"{shape}{axes}{eps}{eps_mode}".replace(" ", ""),
    )


CASES = [
    batch_norm(2, 3, 4, 5),
    batch_norm(4, 7),
    batch_norm(1, 3, 2, 3, 4, epsilon=0.1),
    batch_norm(2, 5, 6, epsilon=0.0),
    batch_norm(2, 3, 4, 4, dtype=np.float16),
    mvn((2, 3, 4, 5), [2, 3]),
    mvn((2, 3, 4, 5), [1, 2, 3]),
    mvn((2, 3, 4, 5), [-1, -2], eps_mode="outside_sqrt"),
    mvn((2, 6, 8), [2], eps=2.0),
    mvn((2, 6, 8), [-1], eps=2.0, eps_mode="outside_sqrt"),
    mvn((2, 3, 4, 5), [2, 3], normalize_variance=False),
    mvn((3, 7), [1]),
    normalize_l2((2, 3, 4, 5), [1], 1e-6, "add"),
    normalize_l2((2, 3, 4, 5), [1, 2, 3], 500.0, "max"),
    normalize_l2((2, 3, 4, 5), [1], 50.0, "max"),
    normalize_l2((2, 3, 4, 5), [2, 3], 50.0, "add"),
    normalize_l2((4, 9), [-1], 1e-6, "max"),
]
