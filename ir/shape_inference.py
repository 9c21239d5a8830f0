"""Infer shapes, types and known values of every tensor before the model runs.

A dimension that depends on the batch size is written -1. Operators never see it: their shape rules work on
plain integers, and a graph with a dynamic batch is inferred twice, for two probe batch sizes. What comes out
different is what the batch decides; a shape sub-graph (ShapeOf -> Gather -> Concat -> Reshape) therefore
needs no rule of its own, it is simply evaluated.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dtypes import DType
from .ops.common.operator import Operator, OperatorError, Shape, ports

PROBE_BATCHES = (7, 11)  # primes: no other dimension is a multiple of both by chance
MAX_RANK = 8
MAX_ELEMENTS = 2**40  # no tensor a person can have; keeps sizes read from a damaged file out of the allocator
MAX_KNOWN_ELEMENTS = 4096  # contents are followed for shape arithmetic only, never for data
# elements that are read, made on the way, or multiplied: no arithmetic of shapes takes so many
MAX_KNOWN_OPERATIONS = 2**17


@dataclass(frozen=True)
class Known:
    """A tensor before the model runs, for one batch size: its type, its shape, and its contents where they
    depend on no input.
    """

    dtype: DType
    shape: Shape
    value: np.ndarray | None = None


def infer(op: Operator, inputs: list[Known]) -> list[Known]:
    """What is known of an operator's outputs. Raises OperatorError when the inputs do not fit it."""
    least, most = ports(type(op))
    if not least <= len(inputs) <= most:
        expected = (
            str(least) if least == most else f"at least {least}" if most == 2**16 else f"{least} to {most}"
        )
        noun = "input" if least == most == 1 else "inputs"
        raise OperatorError(f"expected {expected} {noun}, found {len(inputs)}")
    try:
        dtypes = op.infer_dtype(*(k.dtype for k in inputs))
        shapes = op.infer_shape(*(_shape_argument(op, port, k) for port, k in enumerate(inputs)))
        shapes = shapes if isinstance(shapes, list) else [shapes]
        dtypes = dtypes if isinstance(dtypes, list) else [dtypes] * len(shapes)
        known = [Known(d, check_shape(s)) for d, s in zip(dtypes, shapes, strict=True)]
        return _follow_values(op, inputs, known)
    except OperatorError:
        raise
    except (
        ValueError,
        IndexError,
        TypeError,
        ArithmeticError,
        MemoryError,
    ) as error:  # a rule met what it has no meaning for
        found = ", ".join(str(list(k.shape)) for k in inputs)
        raise OperatorError(f"cannot take inputs of shapes {found} ({error})") from error


def merge(known: tuple[Known, ...]) -> Shape:
    """The shape to show: -1 where the probes disagree, that is, where the batch size decides."""
    first, *others = known
    if not others:
        return first.shape
    if any(len(k.shape) != len(first.shape) for k in others):
        raise OperatorError("the rank of the output depends on the batch size")
    return tuple(d if all(k.shape[i] == d for k in others) else -1 for i, d in enumerate(first.shape))


def fix_batch(shape: Shape, batch: int) -> Shape:
    return tuple(batch if d == -1 else d for d in shape)


def infer_probes(op: Operator, inputs: list[tuple[Known, ...]]) -> list[tuple[Known, ...]]:
    """For each output of an operator, what is known at every probe batch size. Raises OperatorError, with -1
    for the batch.
    """
    by_probe, refusals = [], []
    for known in zip(*inputs, strict=True) if inputs else [()] * len(PROBE_BATCHES):
        try:
            by_probe.append(infer(op, list(known)))
        except OperatorError as error:
            refusals.append(str(error))
    if refusals:
        raise OperatorError(_without_probes(refusals))
    by_output = list(zip(*by_probe, strict=True))
    for known in by_output:
        merge(known)
    return by_output


def _without_probes(refusals: list[str]) -> str:
    """The message that all probes gave, with -1 for the numbers in which they differ."""
    first, *others = (re.split(r"(\d+)", message) for message in refusals)
    if any(len(words) != len(first) for words in others):
        return refusals[0]
    return "".join(
        word if all(words[i] == word for words in others) else "-1" for i, word in enumerate(first)
    )


def _shape_argument(op: Operator, port: int, known: Known) -> Any:
    if port not in op.value_ports:
        return known.shape
    if known.value is None:
        raise OperatorError(
            f"input {port} must be known before the model runs (a constant, or computed from shapes)"
        )
    return known.value


def check_shape(shape: Shape) -> Shape:
    """The shape as plain ints. Raises OperatorError for one that no tensor can have."""
    shape = tuple(int(d) for d in shape)
    if len(shape) > MAX_RANK:
        raise OperatorError(f"output has {len(shape)} dimensions; at most {MAX_RANK} are supported")
    if any(d < 0 for d in shape):
        raise OperatorError(f"output shape {list(shape)} has a negative dimension")
    # an empty tensor, too, must have dimensions that NumPy can hold
    if math.prod(max(d, 1) for d in shape) > MAX_ELEMENTS:
        raise OperatorError(f"output shape {list(shape)} is impossibly large")
    return shape


def _follow_values(op: Operator, inputs: list[Known], outputs: list[Known]) -> list[Known]:
    value = getattr(op, "value", None)
    if isinstance(value, np.ndarray):  # a Constant is known whatever its size; nothing is copied
        return [Known(outputs[0].dtype, outputs[0].shape, value)]
    if op.type == "ShapeOf":
        return [Known(outputs[0].dtype, outputs[0].shape, np.array(inputs[0].shape, outputs[0].dtype))]
    sizes = [math.prod(k.shape) for k in inputs + outputs]
    if not inputs or any(k.value is None for k in inputs) or max(sizes) > MAX_KNOWN_ELEMENTS:
        return outputs
    shapes = [k.shape for k in inputs], [k.shape for k in outputs]
    if op.workspace(*shapes) + op.operations(*shapes) > MAX_KNOWN_OPERATIONS:
        return outputs
    with np.errstate(all="ignore"):
        results = op.evaluate(*(k.value for k in inputs))
    results = results if isinstance(results, list) else [results]
    return [Known(k.dtype, k.shape, np.asarray(r, k.dtype)) for k, r in zip(outputs, results, strict=True)]
