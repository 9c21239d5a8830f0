"""A real model and real pictures, carried by the package: a MobileNetV2-style Fashion-MNIST classifier (FP32,
91.5 % top-1), 300 training pictures to calibrate with, and 2,000 labelled test pictures.
examples/train_fashion_mnist.py makes all three.

Fashion-MNIST: Copyright 2017 Zalando SE, MIT licence (LICENSE-fashion-mnist).
"""

from pathlib import Path

from numpot.ir import Graph, read_model

from ..data.loader import DataLoader
from ..data.sources import open_data

FOLDER = Path(__file__).parent
MODEL = FOLDER / "mobilenet.xml"
CALIBRATION = FOLDER / "calibration.npz"
TEST = FOLDER / "test.npz"


def load() -> tuple[Graph, DataLoader, DataLoader]:
    """(the FP32 model, calibration data without labels, test data with labels)."""
    graph = read_model(MODEL)
    return graph, open_data(str(CALIBRATION), graph), open_data(str(TEST), graph)
