"""int8 and float32 kernels against their peers, in the same run and on one thread.

    OPENBLAS_NUM_THREADS=1 pytest benchmarks/test_kernels.py

Read the ratios in brackets: times depend on the machine, and each group is one size of layer. NumPy is measured only if the
variable keeps it to one thread; leave OPENBLAS_CORETYPE unset, so that it picks its best kernel.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numpot.kernels import float32
from numpot.kernels.convolution import convolution
from numpot.kernels.depthwise import depthwise, pack_depthwise
from numpot.kernels.epilogue import make_epilogue
from numpot.kernels.gemm import gemm
from numpot.kernels.packing import pack_convolution, pack_gemm
from numpot.kernels.saturation import SaturationCount
from numpot.kernels.window import Window

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

Run = Callable[[], object]
RNG = np.random.default_rng(0)
GEMMS = {"784x1152x128": (784, 1152, 128), "3136x64x128": (3136, 64, 128), "196x480x112": (196, 480, 112)}
CONVOLUTIONS = {"3x3 64 @56": (56, 64, 64), "3x3 256 @14": (14, 256, 256), "stem 3x3 3 to 32 @112": (112, 3, 32)}
SAME = Window((3, 3), pads_begin=(1, 1), pads_end=(1, 1))


def onnx_run(op_type: str, inputs: dict[str, np.ndarray], **attributes: Any) -> Run:
    """One integer operator in onnxruntime, on one thread."""
    h = onnx.helper
    ports = [h.make_tensor_value_info(name, h.np_dtype_to_tensor_dtype(v.dtype), v.shape) for name, v in inputs.items()]
    graph = h.make_graph([h.make_node(op_type, list(inputs), ["y"], **attributes)], "one", ports, [onnx.ValueInfoProto(name="y")])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


def gemm_runs(M: int, K: int, N: int) -> dict[str, Run]:
    a, b = RNG.integers(0, 256, (M, K), np.uint8), RNG.integers(-128, 128, (K, N), np.int8)
    packed, sums, count = pack_gemm(b), np.empty((M, N), np.int32), SaturationCount.zeros(N)
    x, w, bias, reals = a.astype(np.float32), b.astype(np.float32), np.zeros(N, np.float32), np.empty((M, N), np.float32)
    packed_w = float32.pack_matmul(w)
    one_thread = os.environ.get("OPENBLAS_NUM_THREADS") == "1"
    return {
        "exact": lambda: gemm(a, packed, 0, sums),
        "saturating": lambda: gemm(a, packed, 0, sums, arithmetic="saturating"),
        "counting": lambda: gemm(a, packed, 0, sums, arithmetic="saturating", count=count),
        "onnxruntime MatMulInteger": onnx_run("MatMulInteger", {"a": a, "b": b}),
        "float32": lambda: float32.matmul(x, packed_w, bias, reals),
        **({"numpy sgemm": lambda: np.matmul(x, w, out=reals)} if one_thread else {}),
    }


def convolution_runs(size: int, C: int, O: int) -> dict[str, Run]:  # noqa: E741
    x, w = RNG.integers(0, 256, (1, size, size, C), np.uint8), RNG.integers(-128, 128, (O, C, 3, 3), np.int8)
    packed, e, codes = pack_convolution(w), make_epilogue(O, 1e-4), np.empty((1, size, size, O), np.uint8)
    xf, wf, bias = x.astype(np.float32), float32.pack_convolution(w.astype(np.float32)), np.zeros(O, np.float32)
    reals = np.empty(codes.shape, np.float32)
    return {
        "exact, to codes": lambda: convolution(x, packed, 0, codes, window=SAME, epilogue=e),
        "saturating, to codes": lambda: convolution(x, packed, 0, codes, window=SAME, arithmetic="saturating", epilogue=e),
        "onnxruntime ConvInteger": onnx_run("ConvInteger", {"x": x.transpose(0, 3, 1, 2).copy(), "w": w}, pads=[1, 1, 1, 1]),
        "float32": lambda: float32.convolution(xf, wf, bias, reals, window=SAME),
    }


def depthwise_runs(size: int, C: int) -> dict[str, Run]:
    x, w = RNG.integers(0, 256, (1, size, size, C), np.uint8), RNG.integers(-128, 128, (C, 1, 3, 3), np.int8)
    packed, e, codes = pack_depthwise(w), make_epilogue(C, 1e-2), np.empty(x.shape, np.uint8)
    xf, wf, bias, reals = x.astype(np.float32), packed.astype(np.float32), np.zeros(C, np.float32), np.empty(x.shape, np.float32)
    return {
        "to codes": lambda: depthwise(x, packed, 0, codes, window=SAME, epilogue=e),
        "onnxruntime ConvInteger": onnx_run("ConvInteger", {"x": x.transpose(0, 3, 1, 2).copy(), "w": w}, pads=[1, 1, 1, 1], group=C),
        "float32": lambda: float32.depthwise(xf, wf, bias, reals, window=SAME),
    }


RUNS = {
    **{f"gemm {name}": gemm_runs(*size) for name, size in GEMMS.items()},
    **{f"convolution {name}": convolution_runs(*size) for name, size in CONVOLUTIONS.items()},
    "depthwise 3x3 144 @56": depthwise_runs(56, 144),
}


@pytest.mark.parametrize(("layer", "kernel"), [(layer, kernel) for layer, kernels in RUNS.items() for kernel in kernels])
def test_speed(benchmark: Any, layer: str, kernel: str) -> None:
    benchmark.group = layer
    benchmark.pedantic(RUNS[layer][kernel], rounds=20, warmup_rounds=1)
