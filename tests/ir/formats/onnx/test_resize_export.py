"""A resized branch between quantized convolutions, in onnxruntime, which moves the channels of images to the
last axis and back.
"""

from pathlib import Path

import numpy as np
import pytest

from numpot.ir.formats.onnx import write_onnx
from numpot.ir.interpreter import Interpreter
from numpot.ir.ops.interpolate import Interpolate

from ....networks import Network
from ...vendors import onnxruntimes

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("target", [np.array([2, 2], np.float32), np.array([12, 9])], ids=["scales", "sizes"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_runs_with_all_optimizations(mode: str, target: np.ndarray, tmp_path: Path) -> None:
    """Resize with the attribute `axes` did not: "indices element out of data bounds"."""
    net = Network(int8=True)
    x = net.quantize(net.input(-1, 8, 6, 6), -4, 4 * 127 / 128)
    y = net.quantize(net.relu(net.conv(x, 16, 3, pad=1)), 0, 4)
    calculation = "scales" if target.dtype == np.float32 else "sizes"
    op = Interpolate(mode=mode, shape_calculation_mode=calculation)  # type: ignore[arg-type]
    y = net.quantize(net.op(op, y, target, np.array([2, 3])), 0, 4)
    graph = net.result(net.conv(net.quantize(net.relu(net.conv(y, 16, 3, pad=1)), 0, 4), 5))
    write_onnx(graph, tmp_path / "m.onnx")
    data = np.random.default_rng(0).standard_normal((3, 8, 6, 6)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        str(tmp_path / "m.onnx"), options, providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {session.get_inputs()[0].name: data})
    wanted = Interpreter(graph, arithmetic=onnxruntimes()).run(data)["y"]
    # ties may be rounded to another code
    np.testing.assert_allclose(found, wanted, rtol=0, atol=0.01 * np.abs(wanted).max())
