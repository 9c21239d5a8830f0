"""What a writer of one operator is given, and the table of all writers: onnx_node.py, the other way round.

    @writes("LeakyReLU")
    def write_leaky_relu(node: Emitter) -> None:
        node.emit("LeakyRelu", node.input(0), alpha=node.op.alpha)

A writer emits ONNX nodes; the one that makes the layer's result has the layer's name, a step on the way has a
suffix. Values are known by their names in the file.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from onnx import NodeProto, helper

from ...dtypes import DType
from ...graph import Graph, Node, Tensor
from ...ops.common.operator import nearest
from ...simplify.edits import known_array
from .errors import OnnxError

OPSET, IR_VERSION = 20, 10  # the first with Gelu; the first in which a node can hold metadata
Write = Callable[["Emitter"], None]
W = TypeVar("W", bound=Write)

WRITERS: dict[str, Write] = {}
# what lowering makes, and no file needs
LOWERED_ONLY = {"ConvolutionBackpropDataInteger", "Im2Col", "MultiplyAdd", "SumPool"}


def writes(*types: str) -> Callable[[W], W]:
    """Register a function as the writer of these operators."""

    def register(function: W) -> W:
        WRITERS.update(dict.fromkeys(types, function))
        return function

    return register


class Target:
    """The state of writing one model: the nodes so far, the arrays they read, and how every tensor is called
    in the file.
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}
        self._taken = set(graph.nodes)
        self._names: dict[Tensor, str] = {}
        for result in graph.outputs:  # the result's name, so that no node is needed to rename it
            (tensor,) = result.inputs
            if tensor.producer.type not in ("Parameter", "Constant"):
                self._names.setdefault(tensor, result.name)
        for node in graph:
            for tensor in node.outputs:
                if tensor not in self._names:
                    self._names[tensor] = (
                        node.name if len(node.outputs) == 1 else self.unused_name(tensor.name)
                    )

    def name(self, tensor: Tensor) -> str:
        """How a tensor is called in the file. A Constant comes into the file when its name is first asked
        for.
        """
        name = self._names[tensor]
        if tensor.constant is not None:
            self.arrays[name] = tensor.constant
        return name

    def unused_name(self, base: str) -> str:
        """`base`, or `base_1`, `base_2`, ...: a name that nothing in the file has, and from now
        on has this.
        """
        name, k = base, 0
        while name in self._taken:
            k += 1
            name = f"{base}_{k}"
        self._taken.add(name)
        return name

    def write(self, node: Node) -> None:
        """Emit a layer. Raises OnnxError, naming it, if ONNX cannot say what it does."""
        if node.type in LOWERED_ONLY:
            raise OnnxError(
                f"layer {node.name!r}: ONNX has no {node.type}. Save the model as it was before its "
                "layers were lowered to integers"
            )
        if node.type not in WRITERS:
            raise OnnxError(
                f"layer {node.name!r}: operator {node.type!r} cannot be written to ONNX"
                + nearest(node.type, WRITERS)
            )
        try:
            WRITERS[node.type](Emitter(node, self))
        except OnnxError as error:
            raise OnnxError(f"layer {node.name!r} ({node.type}): {error}") from error


class Emitter:
    """One layer while it is written."""

    def __init__(self, node: Node, target: Target) -> None:
        self.node = node
        self.target = target
        self.op: Any = node.op

    # ---- what the layer is ---------------------------------------------------------------------------------

    def input(self, i: int) -> str:
        return self.target.name(self.node.inputs[i])

    def inputs(self) -> list[str]:
        return [self.input(i) for i in range(len(self.node.inputs))]

    def has(self, i: int) -> bool:
        return i < len(self.node.inputs)

    def rank(self, i: int = 0) -> int:
        return len(self.node.inputs[i].shape)

    def dtype(self, i: int = 0) -> DType:
        return self.node.inputs[i].dtype

    def known(self, i: int) -> np.ndarray:
        """What input i holds; an OnnxError if the model must run to find out."""
        array = known_array(self.node.inputs[i])
        if array is None:
            raise OnnxError(
                f"ONNX has an attribute where input {i} is, which must be known before the model runs "
                "and not depend on the batch"
            )
        return array

    def integers(self, i: int) -> list[int]:
        return [int(v) for v in self.known(i).ravel()]

    def axis(self, i: int, rank: int) -> int:
        """Input i, one axis, counted from the front."""
        (axis,) = self.integers(i)
        return axis % rank

    # ---- what it becomes -----------------------------------------------------------------------------------

    @property
    def outputs(self) -> list[str]:
        return [self.target.name(t) for t in self.node.outputs]

    def emit(
        self,
        type: str,
        *inputs: str,
        suffix: str = "",
        metadata: dict[str, str] | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node that makes the layer's outputs, or a step on the way; returns the first output's name.
        None is no attribute.
        """
        if suffix:
            return self.emit_as(self.step(suffix), type, *inputs, metadata=metadata, **attributes)
        return self.emit_as(
            self.node.name, type, *inputs, outputs=self.outputs, metadata=metadata, **attributes
        )

    def step(self, suffix: str) -> str:
        """A name for what is made on the way."""
        return self.target.unused_name(f"{self.node.name}/{suffix}")

    def emit_as(
        self,
        name: str,
        type: str,
        *inputs: str,
        outputs: list[str] | None = None,
        metadata: dict[str, str] | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node called `name`, with one output of that name unless others are given; returns the first
        output's name.
        """
        outputs = [name] if outputs is None else outputs
        proto = helper.make_node(type, inputs, outputs, name=name, **attributes)
        for key, value in (metadata or {}).items():
            proto.metadata_props.add(key=key, value=value)
        self.target.nodes.append(proto)
        return outputs[0]

    def constant(self, value: Any, suffix: str, dtype: Any = np.int64) -> str:
        """Add an array that the file needs and the graph has no name for."""
        name = self.step(suffix)
        self.target.arrays[name] = np.array(value, dtype)
        return name

    def array(self, value: np.ndarray, base: str) -> str:
        """Add an array that is another form of one the graph has, called `base` there."""
        name = self.target.unused_name(base)
        self.target.arrays[name] = value
        return name

    def as_int64(self, i: int, suffix: str) -> str:
        """Input i in the one integer type that ONNX takes for shapes and axes; also a vector where it is a
        scalar.
        """
        array = known_array(self.node.inputs[i])
        if array is not None:
            same = array.dtype == np.int64 and array.ndim == 1 and self.node.inputs[i].constant is not None
            return self.input(i) if same else self.constant(array.reshape(-1), suffix)
        name = self.input(i)
        return name if self.dtype(i) == np.int64 else self.cast(name, np.dtype(np.int64), suffix=suffix)

    def cast(self, value: str, dtype: DType, *, suffix: str = "") -> str:
        return self.emit("Cast", value, suffix=suffix, to=helper.np_dtype_to_tensor_dtype(dtype))
