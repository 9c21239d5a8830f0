"""Check everything about a fine-tuning that can be checked before its first step."""

import math

import numpy as np

from numpot.ir.graph import Graph, Node
from numpot.ir.ops.softmax import SoftMax

from ..data.model_data import ModelData
from ..errors import DataError, QuantizationError


def check(int8: Graph, samples: ModelData, teacher: Graph | None, loss: str) -> None:
    """Raises QuantizationError for a model or a teacher that makes no sense, DataError for labels
    that do not fit.
    """
    if not int8.of_type("FakeQuantize"):
        raise QuantizationError(
            f"model {int8.name!r} is not quantized: it has no FakeQuantize. Fine-tuning is for what "
            "`quantize` made."
        )
    outputs = {node.name: node.output.shape for node in int8.outputs}
    if loss != "mse" and any(len(shape) < 2 for shape in outputs.values()):
        raise QuantizationError(
            f"loss {loss} needs outputs of shape [samples, classes], found {outputs}; use loss mse"
        )
    for node in int8.outputs:
        last = node.inputs[0].producer
        if loss != "mse" and isinstance(last.op, SoftMax) and last.op.axis % len(node.output.shape) != 1:
            raise QuantizationError(
                f"loss {loss} wants classes along axis 1, and those of output {node.name!r} lie "
                "elsewhere; use loss mse"
            )
    if teacher is None:
        _check_labels(int8, samples, loss)
    else:
        _check_teacher(int8, teacher, loss)


def _check_labels(int8: Graph, samples: ModelData, loss: str) -> None:
    if loss == "distillation":
        raise QuantizationError(
            "loss distillation learns from a teacher, usually the float model, and none was given"
        )
    if len(int8.outputs) != 1:
        names = ", ".join(repr(node.name) for node in int8.outputs)
        raise QuantizationError(
            f"loss {loss} on labels needs a model with one output, this one has {names}; give a teacher"
        )
    if samples[0][1] is None:
        raise DataError(
            f"labels: loss {loss} needs labels, and {samples.lacks}. Add one, or give the float model "
            "as teacher."
        )
    shape = int8.outputs[0].output.shape[1:]
    for i in range(len(samples)):
        label = np.asarray(samples.label(i))
        if loss == "mse":
            fits, wanted = (
                label.dtype.kind in "iuf" and label.size == math.prod(shape),
                f"numbers of shape {list(shape)}",
            )
        else:
            fits = (
                label.dtype.kind in "iu"
                and label.size == math.prod(shape[1:])
                and label.min() >= 0
                and label.max() < shape[0]
            )
            wanted = f"classes from 0 to {shape[0] - 1}, {math.prod(shape[1:])} of them"
        if not fits:
            found = label if label.size == 1 else f"{label.dtype} of shape {list(label.shape)}"
            raise DataError(f"{samples.where(i)}: loss {loss} needs labels that are {wanted}, found {found}.")


def _check_teacher(int8: Graph, teacher: Graph, loss: str) -> None:
    if loss == "cross_entropy":
        raise QuantizationError(
            "loss cross_entropy compares with labels, not with a teacher: leave the teacher out, or use "
            "distillation"
        )
    for what, mine, others in (
        ("inputs", int8.inputs, teacher.inputs),
        ("outputs", int8.outputs, teacher.outputs),
    ):
        if _ends(mine) != _ends(others):
            raise QuantizationError(
                f"the teacher must have the {what} of the model, {_ends(mine)}, found {_ends(others)}"
            )


def _ends(nodes: list[Node]) -> dict[str, tuple[int, ...]]:
    """Names and shapes, but for the batch."""
    return {node.name: node.output.shape[1:] for node in nodes}
