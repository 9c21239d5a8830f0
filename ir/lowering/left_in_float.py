"""Explain why a layer of a quantized model stays in float although some of its inputs are quantized
(integer_layers.py decides).
"""

from ..dtypes import FLOATS, I8, NAMES
from ..graph import Graph, Node, Tensor
from ..ops.convolution_backprop_data import ConvolutionBackpropData
from .integer_layers import LAYERS, integer_weights

ZERO_POINT = "weights have a zero point"


def layers_left_in_float(lowered: Graph) -> dict[str, str]:
    """Name -> why, for the layers of a lowered graph that have codes as input or as weights and compute in
    float all the same.
    """
    return {
        node.name: _reason(node)
        for node in lowered.of_type(*LAYERS)
        if _reads_codes(node) or _stored(node.inputs[1])[0]
    }


def _reads_codes(node: Node) -> bool:
    return node.inputs[0].producer.type == "Dequantize"


def _reason(node: Node) -> str:
    axis = 1 if isinstance(node.op, ConvolutionBackpropData) else 0
    if integer_weights(node.inputs[1], axis) is None:
        return _reason_of_weights(node.inputs[1])
    if not _reads_codes(node):
        return "input is not quantized to 8 bits"
    if any(t.constant is None for t in node.inputs[0].producer.inputs[1:]):
        return "the scale of the input is computed"
    if node.inputs[0].producer.inputs[1].shape not in ((), (1,)):
        return "input has a scale for each channel"
    return "no runtime has an integer kernel for this shape and these attributes"


def _reason_of_weights(weights: Tensor) -> str:
    codes, way = _stored(weights)
    if "Subtract" in way:
        return ZERO_POINT
    if codes is not None and codes.dtype != I8:
        return f"weights are stored as {NAMES[codes.dtype]}, not as int8"
    if codes is not None:
        return "the scale of weights changes within an output channel"
    if "FakeQuantize" in way:
        return "weights are real numbers behind a FakeQuantize"
    return "weights are not quantized" if way and way[-1] == "Constant" else "weights depend on the input"


def _stored(weights: Tensor) -> tuple[Tensor | None, list[str]]:
    """The integers behind weights, if there are any, and the types of the operators on the way
    down to them.
    """
    way: list[str] = []
    tensor = weights
    while True:
        node = tensor.producer
        way.append(node.type)
        if node.type not in (
            "Multiply",
            "Subtract",
            "Convert",
            "Reshape",
            "Transpose",
            "FakeQuantize",
            "Unsqueeze",
            "Dequantize",
        ):
            return (tensor if tensor.constant is not None and tensor.dtype not in FLOATS else None), way
        tensor = node.inputs[0]
