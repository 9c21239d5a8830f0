"""Open the runtimes that a benchmark compares, all with the same settings: float32 where it is float, the
same threads, one request at a time.

A runtime is a function that compiles a model for one set of inputs and gives an `Inference`. Every peer gets
the fastest way in that its documentation knows, so that what is compared is the inference and not the copying
of arrays around it.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from numpot.ir import read_model
from numpot.ir.errors import MissingExtraError, NumpotError
from numpot.ir.formats.model_files import Format, detect_format
from numpot.ir.graph import Graph
from numpot.ir.lowering.lower import Arithmetic

from ..vendors.registry import VENDORS
from ..vendors.vendor import Inference, Inputs


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
    format = detect_format(Path(path))
    if format != "openvino":
        return Model(Path(path), format, graph)
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
            name
            for name, vendor in VENDORS.items()
            if vendor.is_installed and (model.format in vendor.reads or can_write_onnx())
        ]
    for peer in wanted:
        if peer not in VENDORS:
            raise BenchmarkError(
                f"--against must name runtimes among {', '.join(VENDORS)}, separated by commas; "
                f"found {peer!r}"
            )
        if not VENDORS[peer].is_installed:
            raise MissingExtraError(peer, peer, f"a comparison with {peer}")
    return wanted


def file_for(peer: str, model: Model, folder: Path) -> Path:
    """The model's file, or one in the folder in a format that the peer reads. Raises OnnxError or
    MissingExtraError.
    """
    if model.format in VENDORS[peer].reads:
        return model.path
    from numpot.ir.formats.onnx import write_onnx

    path = folder / "model.onnx"
    if not path.exists():
        write_onnx(model.graph, path)
    return path


def can_write_onnx() -> bool:
    """Whether the package is there that writes ONNX, which every runtime reads."""
    return importlib.util.find_spec("onnx") is not None


def numpot_run(graph: Graph, inputs: Inputs, threads: int, arithmetic: Arithmetic = "exact") -> Inference:
    """A function that runs numpot once on these inputs."""
    from numpot.ir.executor.executor import Executor  # numba: imported where it is used

    executor = Executor(graph, threads=threads, arithmetic=arithmetic)
    return lambda: list(executor.run(inputs).values())
