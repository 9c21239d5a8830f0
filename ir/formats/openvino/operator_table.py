"""How operators that both sides have are spelled in an OpenVINO IR: the one table that reader and writer
share.

The names of operators and attributes are ours, which took them from OpenVINO. What an entry says is which
version of the operator is written, which versions are read, and what OpenVINO has beside our attributes.
"""

from collections.abc import Mapping
from typing import NamedTuple

FIRST_OPSET, LAST_OPSET = 1, 15

#: Attributes that we lack, with the values that mean what our operator does: others are refused, the first is
#: written.
Fixed = Mapping[str, tuple[str, ...]]

#: By NumPy's rule; "none" asks for shapes that are equal, which NumPy's rule leaves alone.
BROADCAST: Fixed = {"auto_broadcast": ("numpy", "none")}
EXPLICIT: Fixed = {"auto_pad": ("explicit",)}


class Form(NamedTuple):
    """One operator in the file."""

    opset: int  # of the version that is written
    since: int = FIRST_OPSET  # opsets of the versions that are read with our attributes and ports
    until: int = LAST_OPSET
    fixed: Fixed = {}


def _forms(opset: int, names: str, fixed: Fixed | None = None) -> dict[str, Form]:
    return {name: Form(opset, fixed=fixed or {}) for name in names.split()}


#: Attributes are the fields of our class, inputs and outputs its ports.
SAME: dict[str, Form] = (
    _forms(
        1,
        """
        Abs Acos Asin Atan Ceiling Clamp Concat Convert Cos Cosh DepthToSpace Elu Erf Exp Floor
        HardSigmoid Log LogicalNot MatMul Negative NormalizeL2 PReLU ReduceMax ReduceMean ReduceMin
        ReduceProd ReduceSum ReLU Reshape Selu Sigmoid Sign Sin Sinh Split Sqrt StridedSlice Tan
        Tanh Tile Transpose Unsqueeze VariadicSplit
        """,
    )
    | _forms(
        1,
        """
        Add Divide Equal FakeQuantize FloorMod Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr
        LogicalXor Maximum Minimum Mod Multiply NotEqual Power Select Subtract
        """,
        BROADCAST,
    )
    | _forms(2, "SpaceToDepth")
    | _forms(3, "CumSum ShapeOf")
    | _forms(4, "Acosh Asinh Atanh HSwish Mish SoftPlus Swish")
    | _forms(5, "HSigmoid LogSoftmax")
    | _forms(
        5, "GRUSequence LSTMSequence RNNSequence", {"activations_alpha": ("",), "activations_beta": ("",)}
    )
    | _forms(6, "GatherElements")
    | _forms(7, "Gelu")
    | _forms(8, "Gather GatherND Slice SoftMax")
    | _forms(9, "SoftSign")
    | _forms(10, "IsInf IsNaN")
    | _forms(12, "ScatterElementsUpdate")
    | _forms(15, "ScatterNDUpdate")
    | {
        "BatchNormInference": Form(5, since=5),
        "MVN": Form(6, since=6),
        "Round": Form(5, since=5, fixed={"mode": ("half_to_even",)}),
        # skipping would make the rank depend on the shape
        "Squeeze": Form(1, fixed={"allow_axis_skip": ("false",)}),
        "TopK": Form(11, fixed={"stable": ("true", "false")}),  # it always is, here
    }
)

#: Written likewise, and read by functions of their own, because files say more than our operators do.
WRITTEN: dict[str, Form] = (
    SAME
    | _forms(1, "AvgPool Convolution ConvolutionBackpropData", EXPLICIT)
    | _forms(1, "Pad")
    | _forms(3, "Broadcast")
    | _forms(8, "MaxPool", EXPLICIT)
    | _forms(11, "Interpolate", {"antialias": ("false",), "pads_begin": ("0",), "pads_end": ("0",)})
    | _forms(1, "Parameter Constant Result")
)

#: Names of ours that are spelled otherwise.
TYPES = {"Constant": "Const"}
ATTRIBUTES = {"exclude_pad": "exclude-pad"}

CEIL_TORCH_OPSET = 14  # pools round so since then
