"""All files that read and write operators: importing this fills the two tables."""

from . import (  # noqa: F401
    activations,
    arithmetic,
    biases,
    constants,
    convolutions,
    data_movement,
    linear,
    normalization,
    pooling,
    quantization,
    reductions,
    resize,
    shapes,
)
