"""ONNX models that are legal and mean harm: few bytes for much memory or time. They are read, run or refused
within the budget.
"""

import resource
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from numpot.ir.errors import NumpotError
from numpot.ir.formats.onnx import load_onnx
from numpot.ir.interpreter import Interpreter
from numpot.ir.memory import budget

BUDGET = 2**27
SIZES = (0, 1, 2, 3, 17, 4096, 65535, 2**20, 2**31 - 1, 2**31, 2**34, 2**40, 2**62)


def trial(rng: np.random.Generator, folder: Path) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with budget(BUDGET):
            graph = load_onnx(model(rng))
            Interpreter(graph).run(np.ones((1, 3), np.float32))
        outcome = "held"
    except NumpotError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000
        outcome = "refused"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 3 * BUDGET, f"{grown} bytes were taken, the budget is {BUDGET}"
    return outcome


def model(rng: np.random.Generator) -> bytes:
    """A chain of constant layers that grow, shrink, slide windows and repeat, then an Add to the input."""
    nodes, initializers = [], [numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "t0")]

    def constant(values: object, name: str) -> str:
        initializers.append(numpy_helper.from_array(np.array(values), name))
        return name

    length = int(rng.integers(1, 40))
    kind = int(rng.integers(8))
    for i in range(length):
        here, there, mixed = f"t{i}", f"t{i + 1}", kind if rng.random() < 0.7 else int(rng.integers(8))
        shape = [int(rng.choice(SIZES)) if rng.random() < 0.3 else int(rng.integers(1, 64)) for _ in range(4)]
        match mixed:
            case 0:
                nodes.append(helper.make_node("Concat", [here, here], [there], axis=int(rng.integers(4))))
            case 1:
                nodes.append(helper.make_node("Tile", [here, constant(shape, f"r{i}")], [there]))
            case 2:
                nodes.append(helper.make_node("Expand", [here, constant(shape, f"s{i}")], [there]))
            case 3:
                pads = [0, 0, *shape[:2], 0, 0, *shape[2:]]
                nodes.append(helper.make_node("Pad", [here, constant(pads, f"p{i}")], [there]))
            case 4:
                pads = [min(size, 4096) for size in shape]
                nodes.append(
                    helper.make_node(
                        "Conv", [here, "t0"], [there], pads=pads, strides=[int(rng.integers(1, 9000))] * 2
                    )
                )
            case 5:
                sizes = constant([1, 1, *shape[2:]], f"z{i}")
                nodes.append(
                    helper.make_node(
                        "Resize",
                        [here, "", "", sizes],
                        [there],
                        mode=str(rng.choice(["nearest", "linear", "cubic"])),
                    )
                )
            case 6:
                nodes.append(helper.make_node("ConstantOfShape", [constant(shape, f"c{i}")], [there]))
            case _:
                pads = [int(rng.integers(8)) for _ in range(4)]
                kernel = [int(rng.integers(1, 9)) for _ in range(2)]
                nodes.append(helper.make_node("MaxPool", [here], [there], kernel_shape=kernel, pads=pads))
    last = f"t{length}"
    nodes.append(helper.make_node("ReduceSum", [last], ["small"], keepdims=0))
    nodes.append(helper.make_node("Add", ["x", "small"], ["y"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializers)
    if rng.random() < 0.3:
        graph.sparse_initializer.append(
            sparse([int(rng.choice(SIZES)) for _ in range(int(rng.integers(1, 3)))])
        )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def sparse(dims: list[int]) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(
        numpy_helper.from_array(np.ones(1, np.float32), "sparse"),
        numpy_helper.from_array(np.zeros(1, np.int64), "where"),
        dims,
    )
