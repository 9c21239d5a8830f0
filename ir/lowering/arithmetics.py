"""The names of the arithmetics that a quantized model can be run in (docs/arithmetic.md).

They stand apart from the code that lowers to them, so that the command line can offer them before NumPy is
imported.
"""

from typing import Literal

#: saturating: pairs of products are clipped to int16, as OpenVINO does without VNNI; the others are variants.
IntegerArithmetic = Literal["exact", "saturating", "saturating-avx512", "saturating-onnxruntime"]
#: simulated: FakeQuantize in float32, no integers.
Arithmetic = Literal[IntegerArithmetic, "simulated"]
