"""Models of OpenVINO's own making: saved by it, and run by it from the file that we read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter

from ...ops.battery import CORE, OPENVINO_CONFIG

op: Any = ov.opset15


def save(folder: Path, build: Callable[..., Any], *inputs: Any, compressed: bool = False) -> Path:
    """The model of `build`, given a Parameter x0, x1, ... like each of the arrays (or Parameters as they
    are), as model.xml.
    """
    parameters = [
        x if isinstance(x, ov.Node) else op.parameter(list(x.shape), x.dtype, name=f"x{i}")
        for i, x in enumerate(inputs)
    ]
    path = folder / "model.xml"
    ov.save_model(
        ov.Model(build(*parameters).outputs(), parameters, "model"), path, compress_to_fp16=compressed
    )
    return path


def compile_file(path: Path) -> ov.CompiledModel:
    return CORE.compile_model(str(path), "CPU", OPENVINO_CONFIG)


def compile_for_one(path: Path) -> ov.CompiledModel:
    """The model of a file for one image at a time, a static batch, as OpenVINO's documents ask for."""
    model = CORE.read_model(path)
    model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
    return CORE.compile_model(model, "CPU", OPENVINO_CONFIG)


def run_one_by_one(compiled: ov.CompiledModel, images: np.ndarray) -> np.ndarray:
    """The first output."""
    return np.concatenate([np.array(compiled(image[None])[0]) for image in images])


def primitives(compiled: ov.CompiledModel) -> list[str]:
    """What the CPU plugin runs the weighted layers with: brgconv_avx512_I8, say, with the element type of its
    input at the end.
    """
    nodes = (node.get_rt_info() for node in compiled.get_runtime_model().get_ops())
    weighted = ("Convolution", "Deconvolution", "FullyConnected", "MatMul")
    return [info["primitiveType"].astype(str) for info in nodes if info["layerType"].astype(str) in weighted]


def run_file(path: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    """What OpenVINO's CPU plugin makes of a file, in float32."""
    compiled = compile_file(path)
    results = compiled([x.copy() for x in inputs])
    return [np.array(results[i]) for i in range(len(compiled.outputs))]


def run_graph(graph: Graph, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return list(Interpreter(graph, arithmetic="simulated").run(feeds).values())
