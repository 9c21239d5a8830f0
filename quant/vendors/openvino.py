"""OpenVINO's CPU plugin."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from numpot.ir.formats.model_files import save_model
from numpot.ir.graph import Graph

from .vendor import Arrays, Inference, Inputs, Run, Vendor, import_vendor, new_file

DEVICE: Final = "CPU"
CONFIG: Final = {"INFERENCE_PRECISION_HINT": "f32"}  # or a CPU with bf16 computes float layers in it
MAX_ISA: Final = "ONEDNN_MAX_CPU_ISA"  # read once, when OpenVINO is imported
AVX2: Final = {MAX_ISA: "AVX2"}  # the arithmetic that `saturating` is


def compile_openvino(graph: Graph, folder: Path) -> Run:
    """A function that runs the graph. A batch that is open is run image by image, because a static batch is
    what OpenVINO optimizes for.
    """
    ov = import_vendor("openvino", "comparing with OpenVINO")
    path = new_file(folder, ".xml")
    save_model(graph, path, "openvino")
    core = ov.Core()
    model = core.read_model(path)
    is_open = any(p.output.shape[:1] == (-1,) for p in graph.inputs)
    if is_open:
        model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
    compiled = core.compile_model(model, DEVICE, CONFIG)
    results = [node.name for node in graph.outputs]  # the order is kept

    def run_once(inputs: Arrays) -> Arrays:
        outputs = compiled({name: np.ascontiguousarray(array) for name, array in inputs.items()})
        return {name: np.array(outputs[i]) for i, name in enumerate(results)}

    return _one_by_one(run_once) if is_open else run_once


def _one_by_one(run: Run) -> Run:
    def run_all(inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        outputs = [run({name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)]
        return {name: np.concatenate([o[name] for o in outputs]) for name in outputs[0]}

    return run_all


def open_openvino(path: Path, inputs: Inputs, threads: int) -> Inference:
    """Shapes are fixed to those of the inputs; arrays are read and given where they lie."""
    ov: Any = importlib.import_module("openvino")
    core = ov.Core()
    network = core.read_model(path)
    network.reshape({port: list(array.shape) for port, array in _feed(network.inputs, inputs).items()})
    latency = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(network, DEVICE, latency | CONFIG)
    request, feed = compiled.create_infer_request(), _feed(compiled.inputs, inputs)

    def run() -> list[np.ndarray]:
        results = request.infer(feed, share_inputs=True, share_outputs=True)
        return [results[port] for port in compiled.outputs]

    return run


def _feed(ports: Sequence[Any], inputs: Inputs) -> dict[Any, np.ndarray]:
    """The array of each of OpenVINO's inputs: by any of its names, or else in the model's order."""
    return {
        port: next(
            (
                array
                for name, array in inputs.items()
                if name in port.names or name == port.node.friendly_name
            ),
            in_order,
        )
        for port, in_order in zip(ports, inputs.values(), strict=True)
    }


VENDOR: Final = Vendor(
    name="openvino",
    title="OpenVINO",
    reads=("onnx", "openvino"),
    compile=compile_openvino,
    open=open_openvino,
    config=CONFIG,
    isa_variable=MAX_ISA,
)
