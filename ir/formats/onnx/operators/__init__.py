"""A catalogue: one family of ONNX operators a file, how they are read and written. Importing this package
fills the two tables.
"""

from . import (  # noqa: F401
    activations,
    arithmetic,
    bias_add,
    constants,
    control_flow,
    convolutions,
    data_movement,
    indexing,
    integer_layers,
    linear,
    normalization,
    pooling,
    quantization,
    recurrent,
    reductions,
    resize,
    shapes,
)
