"""onnxruntime's CPU execution provider."""

import importlib
from pathlib import Path
from typing import Any, Final

from numpot.ir.formats.model_files import save_model
from numpot.ir.graph import Graph

from .vendor import Inference, Inputs, Run, Vendor, import_vendor, new_file

PROVIDERS: Final = ["CPUExecutionProvider"]


def compile_onnxruntime(graph: Graph, folder: Path) -> Run:
    """A function that runs the graph with the optimizations that onnxruntime has by default."""
    ort = import_vendor("onnxruntime", "comparing with onnxruntime")
    path = new_file(folder, ".onnx")
    save_model(graph, path, "onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = ort.InferenceSession(path, options, providers=PROVIDERS)
    results = [node.name for node in graph.outputs]
    return lambda inputs: dict(zip(results, session.run(None, inputs), strict=True))


def open_onnxruntime(path: Path, inputs: Inputs, threads: int) -> Inference:
    """Threads stop spinning when a call returns, so that they do not slow down whose turn is next."""
    ort: Any = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(str(path), options, providers=PROVIDERS)
    feed = dict(inputs)
    return lambda: session.run(None, feed)


VENDOR: Final = Vendor(
    name="onnxruntime",
    title="onnxruntime",
    reads=("onnx",),
    compile=compile_onnxruntime,
    open=open_onnxruntime,
)
