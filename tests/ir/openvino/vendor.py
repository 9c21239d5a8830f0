"""Models of OpenVINO's own making: saved by it, and run by it from the file that we read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from numpot.ir.graph import Graph
from numpot.ir.interpreter import Interpreter

from ..ops.battery import CORE, OPENVINO_CONFIG

op: Any = ov.opset15


def save(folder: Path, build: Callable[..., Any], *inputs: Any, compressed: bool = False) -> Path:
    """The model of `build`, given a Parameter x0, x1, ... like each of the arrays (or Parameters as they are), as model.xml."""
    parameters = [x if isinstance(x, ov.Node) else op.parameter(list(x.shape), x.dtype, name=f"x{i}") for i, x in enumerate(inputs)]
    path = folder / "model.xml"
    ov.save_model(ov.Model(build(*parameters).outputs(), parameters, "model"), path, compress_to_fp16=compressed)
    return path


def compile_file(path: Path) -> ov.CompiledModel:
    return CORE.compile_model(str(path), "CPU", OPENVINO_CONFIG)


def run_file(path: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    """What OpenVINO's CPU plugin makes of a file, in float32."""
    compiled = compile_file(path)
    results = compiled([x.copy() for x in inputs])
    return [np.array(results[i]) for i in range(len(compiled.outputs))]


def run_graph(graph: Graph, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return list(Interpreter(graph, arithmetic="simulated").run(feeds).values())
