"""Open the runtimes that a benchmark compares, all with the same settings: float32 where it is float, the
same threads, one request at a time.

A runtime is a function that compiles a model for one set of inputs and gives a `Run`. Every peer gets the
fastest way in that its documentation knows, so that what is compared is the inference and not the copying of
arrays around it.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from numpot.ir import read_model
from numpot.ir.errors import MissingExtraError, NumpotError
from numpot.ir.formats.model_files import HEAD, ONNX_START, root_element
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic

Format = Literal["numpot", "onnx", "openvino"]
Inputs = Mapping[str, np.ndarray]
Run = Callable[[], list[np.ndarray]]  # one inference: the outputs in the model's order
READS: dict[str, tuple[Format, ...]] = {"openvino": ("onnx", "openvino"), "onnxruntime": ("onnx",)}
PEERS = tuple(READS)


class BenchmarkError(NumpotError):
    """A comparison that cannot be made: a runtime that is not known, a batch that the model does not take."""


@dataclass(frozen=True)
class Model:
    """A model file, and what numpot reads from it."""

    path: Path
    format: Format
    graph: Graph


def open_for_benchmark(path: str, batches: Sequence[int] = (1,)) -> Model:
    """Read a model; an OpenVINO IR, whose batch is fixed as a rule, so that it takes these batch sizes."""
    graph = read_model(path)
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
    if root_element(head) != "net":
        return Model(Path(path), "onnx" if ONNX_START.match(head) else "numpot", graph)
    shapes = {parameter.name: parameter.output.shape for parameter in graph.inputs}
    if any(shape[:1] not in ((), (-1,), (batch,)) for shape in shapes.values() for batch in batches):
        graph = read_model(
            path, input_shapes={name: (-1, *shape[1:]) for name, shape in shapes.items() if shape}
        )
    return Model(Path(path), "openvino", graph)


def choose_peers(model: Model, wanted: list[str] | None) -> list[str]:
    """The peers asked for, or all that can be had. Raises BenchmarkError for an unknown one,
    MissingExtraError for one that is missing.
    """
    if wanted is None:
        return [
            peer
            for peer in PEERS
            if is_installed(peer) and (model.format in READS[peer] or is_installed("onnx"))
        ]
    for peer in wanted:
        if peer not in PEERS:
            raise BenchmarkError(
                f"--against must name runtimes among {', '.join(PEERS)}, separated by commas; found {peer!r}"
            )
        if not is_installed(peer):
            raise MissingExtraError(peer, peer, f"a comparison with {peer}")
    return wanted


def file_for(peer: str, model: Model, folder: Path) -> Path:
    """The model's file, or one in the folder in a format that the peer reads. Raises OnnxError or
    MissingExtraError.
    """
    if model.format in READS[peer]:
        return model.path
    from numpot.ir.formats.onnx import write_onnx

    path = folder / "model.onnx"
    if not path.exists():
        write_onnx(model.graph, path)
    return path


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def numpot_run(graph: Graph, inputs: Inputs, threads: int, arithmetic: Arithmetic = "exact") -> Run:
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    executor = Executor(graph, threads=threads, arithmetic=arithmetic)
    return lambda: list(executor.run(inputs).values())


def openvino_run(path: Path, inputs: Inputs, threads: int) -> Run:
    """Shapes fixed to those of the inputs; arrays are read and given where they lie."""
    ov: Any = importlib.import_module("openvino")
    core = ov.Core()
    network = core.read_model(path)
    network.reshape({port: list(array.shape) for port, array in _feed(network.inputs, inputs).items()})
    config = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(network, "CPU", config)
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


def onnxruntime_run(path: Path, inputs: Inputs, threads: int) -> Run:
    """Threads that stop spinning when a call returns, so that they do not slow down whose turn is next."""
    ort: Any = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = dict(inputs)
    return lambda: session.run(None, feed)


PEER_RUNS: dict[str, Callable[[Path, Inputs, int], Run]] = {
    "openvino": openvino_run,
    "onnxruntime": onnxruntime_run,
}
