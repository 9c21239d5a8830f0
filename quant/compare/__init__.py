"""Two models, or one model in two runtimes, compared tensor by tensor: where they first differ, by how much,
and why (docs/compare.md).

The modules, in the order to read them:

    structure.py         whether two models have enough in common
    points.py            which tensors stand for the same thing on both sides
    differences.py       how two arrays differ
    forcing.py           every layer given the reference's inputs, so that it can be judged by itself
    causes.py            the list of questions that names a cause
    observing.py         looks into a runtime (vendors/) without changing what it does
    against_runtime.py   one model, numpot against a vendor
    against_model.py     two models, both run by numpot: the quantized one against the float one
    results.py           what was found
    report.py            all of it as one HTML page
"""

from ..errors import CompareError
from .against_model import compare_models
from .against_runtime import compare_with_vendor
from .results import Comparison, LayerComparison
from .structure import StructureError

__all__ = [
    "Comparison",
    "CompareError",
    "LayerComparison",
    "StructureError",
    "compare_models",
    "compare_with_vendor",
]
