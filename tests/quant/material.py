"""Real models that POT 2023.3 itself has quantized. They are no part of the repository: a folder beside it,
which may be absent.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from numpot.ir.graph import Graph

MATERIAL = Path(__file__).parents[3] / "shared" / "material"
NAMES = ["digits_cnn", "digits_mlp", "fmnist_mobilenet", "fmnist_mobilenet_hard", "fmnist_resnet"]
needs_material = pytest.mark.skipif(
    not MATERIAL.is_dir(), reason="the folder of reference models is not here"
)


class Data(NamedTuple):
    """calibration, test: (samples, C, H, W) float32. labels: of `test`."""

    calibration: np.ndarray
    test: np.ndarray
    labels: np.ndarray


def load_model(name: str) -> Graph:
    from numpot.ir.formats.onnx import load_onnx

    return load_onnx(MATERIAL / name / f"{name}.onnx")


def load_data(name: str) -> Data:
    if name.startswith("digits"):
        arrays = np.load(MATERIAL / "digits_data.npz")
        return Data(arrays["x_train"][:300], arrays["x_test"], arrays["y_test"])
    arrays = np.load(MATERIAL / "fmnist_cal300_test10k.npz")
    return Data(*(normalized(arrays[key]) for key in ("x_cal", "x_test")), arrays["y_test"])


def logits(graph: Graph, x: np.ndarray) -> np.ndarray:
    """(samples, classes) float32, of a model that calls them so."""
    from numpot.ir.executor.executor import Executor

    executor = Executor(graph)
    return np.concatenate([executor.run(x[i : i + 250])["logits"] for i in range(0, len(x), 250)])


def top_1(graph: Graph, name: str) -> float:
    """Percent of the whole test set."""
    data = load_data(name)
    return 100 * float(np.mean(logits(graph, data.test).argmax(1) == data.labels))


def normalized(pixels: np.ndarray) -> np.ndarray:
    """(N,28,28) u8 -> (N,1,28,28) float32, as the networks were trained."""
    return (pixels[:, None].astype(np.float32) / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)


def pot_ranges(name: str, preset: str) -> np.lib.npyio.NpzFile:
    """What POT put into the model before it compressed the weights: `names`, and `NAME|input_low`
    and so on.
    """
    return np.load(MATERIAL / name / "pot" / f"pot_ranges_{name}_default_{preset}.npz")
