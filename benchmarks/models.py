"""The models that are timed, each as one file that everybody reads: layers of one kind, well-known networks,
trained ones.
"""

import functools
import re
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from numpot.ir import read_model
from numpot.ir.graph import Graph
from numpot.quant import quantize
from numpot.quant.benchmark.benchmark import sample_inputs
from numpot.quant.data.loader import DataLoader
from numpot.quant.defaults import SaturationFix
from numpot.quant.layers.weighted_layers import replace_constant
from tests.quant.material import MATERIAL

from . import networks

_temporary = tempfile.TemporaryDirectory(prefix="numpot-benchmarks-")
FOLDER = Path(_temporary.name)
CALIBRATION = 4  # samples of noise: ranges do not change what time a layer takes


class Noise(DataLoader):
    """Standard normal samples of a model's input."""

    def __init__(self, graph: Graph) -> None:
        self.inputs = sample_inputs(graph, CALIBRATION)

    def __len__(self) -> int:
        return CALIBRATION

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], None]:
        return {name: array[index] for name, array in self.inputs.items()}, None


@functools.cache
def float_file(name: str) -> Path:
    """ONNX, with a batch of any size."""
    return MODELS[name](FOLDER / f"{_plain(name)}.onnx")


@functools.cache
def float_graph(name: str) -> Graph:
    return read_model(float_file(name))


@functools.cache
def int8_graph(name: str, saturation_fix: SaturationFix = "first_layer") -> Graph:
    floats = float_graph(name)
    graph = quantize(floats, Noise(floats), stat_subset_size=CALIBRATION, saturation_fix=saturation_fix)
    _give_tensors_one_scale(graph)
    return graph


def _give_tensors_one_scale(graph: Graph) -> None:
    """The widest range where a depthwise convolution reads one for each channel: onnxruntime would compute
    that in float.
    """
    for node in graph.of_type("FakeQuantize"):
        for port, widest in ((1, np.min), (2, np.max), (3, np.min), (4, np.max)):
            bounds = node.inputs[port].constant
            assert bounds is not None
            replace_constant(graph, node, port, widest(bounds, keepdims=True))


@functools.cache
def int8_file(name: str) -> Path:
    """The int8 model as ONNX, with QuantizeLinear and DequantizeLinear."""
    from numpot.ir.formats.onnx import write_onnx

    path = FOLDER / f"{_plain(name)}-int8.onnx"
    write_onnx(int8_graph(name), path)
    return path


def _plain(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def _trained(name: str, _: Path) -> Path:
    return MATERIAL / name / f"{name}.onnx"


#: (size, (channels in, channels out), kernel)
CONVOLUTIONS = [
    *(
        (size, (channels, channels), kernel)
        for kernel in (3, 1)
        for size, channels in ((56, 64), (28, 128), (14, 256), (7, 512))
    ),
    *(
        (size, channels, 1)
        for size, channels in ((56, (24, 144)), (28, (40, 240)), (14, (80, 480)), (7, (192, 1152)))
    ),
]
DEPTHWISE = [(112, 32), (56, 144), (28, 240), (14, 480), (7, 1152)]
MATRICES = [(512, 512, 512), (784, 1152, 128), (196, 480, 112), (49, 1152, 320)]  # M, K, N

LAYERS: dict[str, networks.Build] = {
    **{
        f"{k}x{k} {a} to {b} @{size}": partial(networks.convolutions, size=size, channels=(a, b), kernel=k)
        for size, (a, b), k in CONVOLUTIONS
    },
    **{
        f"depthwise 3x3 {c} @{size}": partial(
            networks.convolutions, size=size, channels=(c, c), kernel=3, depthwise=True
        )
        for size, c in DEPTHWISE
    },
    "transposed 4x4 64 to 32 @32": partial(networks.transposed_convolutions, size=32, channels=(64, 32)),
    **{f"matmul {M},{K},{N}": partial(networks.matrices, K=K, N=N) for M, K, N in MATRICES},
}
BATCH_OF_LAYER = {f"matmul {M},{K},{N}": M for M, K, N in MATRICES}  # one image for the others

TRAINED = ("fmnist_mobilenet", "fmnist_resnet", "efficientnet_lite0") if MATERIAL.is_dir() else ()
NETWORKS: dict[str, networks.Build] = {
    "ResNet-50": networks.resnet50,
    "MobileNetV2": networks.mobilenet_v2,
    **{name: partial(_trained, name) for name in TRAINED},
}
MODELS = LAYERS | NETWORKS
