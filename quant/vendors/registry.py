"""Vendor runtimes: a graph goes in as a file of theirs, arrays come out by the names of its Results."""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir.errors import MissingExtraError
from numpot.ir.formats.model_files import save_model
from numpot.ir.graph import Graph

from ..errors import CompareError

Arrays = dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]
Compile = Callable[
    [Graph, Path], Run
]  # the folder is for the file, and stays as long as the function is used

OPENVINO_CONFIG = {"INFERENCE_PRECISION_HINT": "f32"}  # or a CPU with bf16 computes float layers in it
MAX_ISA = "ONEDNN_MAX_CPU_ISA"  # read once, when OpenVINO is imported
AVX2 = {MAX_ISA: "AVX2"}  # the arithmetic that `saturating` is
DEVICE = "CPU"


def compile_openvino(graph: Graph, folder: Path) -> Run:
    """OpenVINO's CPU plugin. A batch that is open is run image by image, because a static batch is what it
    optimizes for.
    """
    ov = _import("openvino", "OpenVINO")
    path = folder / f"{len(list(folder.iterdir()))}.xml"
    save_model(graph, path, "openvino")
    core = ov.Core()
    model = core.read_model(path)
    is_open = any(p.output.shape[:1] == (-1,) for p in graph.inputs)
    if is_open:
        model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
    compiled = core.compile_model(model, DEVICE, OPENVINO_CONFIG)
    results = [node.name for node in graph.outputs]  # the order is kept

    def run_once(inputs: Arrays) -> Arrays:
        outputs = compiled({name: np.ascontiguousarray(array) for name, array in inputs.items()})
        return {name: np.array(outputs[i]) for i, name in enumerate(results)}

    return _one_by_one(run_once) if is_open else run_once


def compile_onnxruntime(graph: Graph, folder: Path) -> Run:
    """onnxruntime on the CPU, with the optimizations that it has by default."""
    ort = _import("onnxruntime", "onnxruntime")
    path = folder / f"{len(list(folder.iterdir()))}.onnx"
    save_model(graph, path, "onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    results = [node.name for node in graph.outputs]
    return lambda inputs: dict(zip(results, session.run(None, inputs), strict=True))


COMPILERS: dict[str, Compile] = {"openvino": compile_openvino, "onnxruntime": compile_onnxruntime}


def check_installed(name: str) -> None:
    """Raises MissingExtraError for a runtime that is not installed, CompareError for one that is
    not known.
    """
    if name not in COMPILERS:
        raise CompareError(f"runtime {name!r} is not known; known are {', '.join(COMPILERS)}")
    _import(name, name)


def check_vendor(name: str, arithmetic: str | None) -> None:
    """Raises MissingExtraError, or CompareError for an arithmetic that the vendor cannot have here."""
    check_installed(name)
    if (
        arithmetic == "saturating"
        and name == "openvino"
        and platform.machine().lower() not in ("x86_64", "amd64")
    ):
        raise CompareError(
            f"the instruction that saturates is one of x86; this machine is {platform.machine()}"
        )


def describe_vendor(name: str, environment: Mapping[str, str]) -> str:
    """Name, version, and what was asked of it, by the environment too."""
    asked = [f"{k}={v}" for k, v in (OPENVINO_CONFIG if name == "openvino" else {}).items()]
    if name == "openvino" and (isa := environment.get(MAX_ISA)):
        asked.append(f"{MAX_ISA}={isa}")
    return " ".join([name, importlib.metadata.version(name), *asked])


def _import(name: str, purpose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, name, f"comparing with {purpose}") from error


def _one_by_one(run: Run) -> Run:
    def run_all(inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        outputs = [run({name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)]
        return {name: np.concatenate([o[name] for o in outputs]) for name in outputs[0]}

    return run_all
