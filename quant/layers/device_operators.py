"""Which operators the CPU computes on integers, and which let quantized data pass through (POT's device table
for CPU and ANY).

Names are operator types. A depthwise convolution is a type of its own here, because its input may have one
scale per channel.
"""

from typing import Final

from numpot.ir.graph import Node
from numpot.ir.ops import OPERATORS

WEIGHTED: Final = frozenset({"Convolution", "ConvolutionBackpropData", "MatMul"})

_ELEMENTWISE = {"Add", "Multiply", "Subtract", "Divide"}
_COMPARISONS = {"Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual", "FloorMod"}
_LOGICALS = {"LogicalOr", "LogicalXor", "LogicalAnd", "LogicalNot"}
_FIRST_INPUT_ONLY = {"Power", "NormalizeL2", "ReduceMean", "Interpolate", "MVN"}
ELEMENTWISE: Final = frozenset(_ELEMENTWISE | _COMPARISONS | _LOGICALS | {"Maximum", "Minimum"})

#: Operators that want quantized inputs.
QUANTIZABLE: Final = frozenset(
    WEIGHTED | _ELEMENTWISE | _COMPARISONS | _LOGICALS | _FIRST_INPUT_ONLY | {"AvgPool"}
)

# they pass codes, too; POT leaves a quantizer below
_NOT_IN_POTS_TABLE = {"ReduceMin", "Select", "SpaceToDepth"}

#: Operators that compute the same on codes as on real numbers: a FakeQuantize below one may as well stand
#: above it. Those with the trait that POT 2023.3 has in its table, and Pad, whose zeros are a code in most
#: ranges: POT moves above it whatever it pads with.
PASS_THROUGH: Final = frozenset(
    {name for name, op in OPERATORS.items() if op.computes_on_codes} - _NOT_IN_POTS_TABLE | {"Pad"}
)

#: Operators that a search for unquantized readers walks through, beyond the pass-through ones.
TRANSPARENT: Final = PASS_THROUGH | {"Interpolate", "ReduceMean", "AvgPool", "Result"}


def is_depthwise(node: Node) -> bool:
    """One group per channel, and as many outputs as inputs: the only layer whose input may have one scale per
    channel.
    """
    if node.type != "Convolution":
        return False
    out_channels, group_channels = node.inputs[1].shape[:2]
    groups: int = node.op.groups  # type: ignore[attr-defined]
    return group_channels == 1 and groups == out_channels


def has_constant_operand(node: Node) -> bool:
    return any(t.constant is not None for t in node.inputs)


def quantized_ports(node: Node) -> list[int]:
    """Which inputs of a quantizable node get a FakeQuantize, as in POT 2023.3."""
    if node.type in WEIGHTED:
        return [0, 1]
    if node.type in _FIRST_INPUT_ONLY or _is_scale_of_scale_shift(node):
        return [0]
    return list(range(len(node.inputs)))


def _is_scale_of_scale_shift(node: Node) -> bool:
    """Multiply by a constant whose reader adds a constant: computed as one affine step, only its data is
    quantized.
    """
    if node.type != "Multiply" or node.inputs[1].constant is None or not node.output.consumers:
        return False
    reader = node.output.consumers[0].node
    return reader.type == "Add" and reader.inputs[1].constant is not None
