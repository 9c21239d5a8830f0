"""Operators that mean here what they mean in OpenVINO: the attributes are the fields of our class, the inputs its ports."""

from ..graph import Tensor
from ..ops import OPERATORS
from ..ops.round import Round
from ..ops.squeeze import Squeeze
from .node import Made, OpenVinoNode, reads

SAME = """
    Abs Ceiling Clamp Concat Convert DepthToSpace Elu Erf Exp Floor Gather Gelu HSigmoid HSwish HardSigmoid Log LogSoftmax LogicalNot
    MatMul Mish Negative NormalizeL2 PReLU Pad ReLU ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape ShapeOf Sigmoid Slice
    SoftMax SoftPlus SpaceToDepth Split Sqrt StridedSlice Swish Tanh Tile TopK Transpose Unsqueeze VariadicSplit
""".split()
BROADCASTING = """
    Add Divide Equal FakeQuantize FloorMod Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalXor Maximum Minimum Mod
    Multiply NotEqual Power Select Subtract
""".split()
IGNORED = {"TopK": ("stable",)}  # it always is, here


@reads(*SAME)
@reads("Squeeze", until=14)
@reads("MVN", since=6)
@reads("BatchNormInference", since=5)
def same(node: OpenVinoNode) -> Made:
    return node.add_all(node.read(OPERATORS[node.layer.type], ignored=IGNORED.get(node.layer.type, ())), *node.inputs)


@reads(*BROADCASTING)
def broadcasting(node: OpenVinoNode) -> Tensor:
    """By NumPy's rule; "none" asks for shapes that are equal, which NumPy's rule leaves alone."""
    node.require("auto_broadcast", "numpy", "none")
    return node.add(node.read(OPERATORS[node.layer.type]), *node.inputs)


@reads("Round", since=5)
def round_half_to_even(node: OpenVinoNode) -> Tensor:
    node.require("mode", "half_to_even")
    return node.add(node.read(Round), *node.inputs)


@reads("Squeeze", since=15)
def squeeze(node: OpenVinoNode) -> Tensor:
    """Skipping an axis that is longer than 1 would make the rank depend on the shape."""
    node.require("allow_axis_skip", "false")
    return node.add(node.read(Squeeze), *node.inputs)
