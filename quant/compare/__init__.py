"""Two models, or one model in two runtimes, compared tensor by tensor: where they first differ, by how much, and why (docs/compare.md).

points.py        which tensors stand for the same thing on both sides
differences.py   how two arrays differ
forcing.py       every layer given the reference's inputs, so that it can be judged by itself
causes.py        the list of questions that names a cause
vendors.py       OpenVINO and onnxruntime; observing.py looks into them without changing what they do
runtimes.py      one model, numpot against a vendor
models.py        two models, both run by numpot: the quantized one against the float one
report.py        all of it as one HTML page
"""

from .models import compare_models
from .points import CompareError
from .results import Comparison, LayerComparison
from .runtimes import compare_with_vendor

__all__ = ["Comparison", "CompareError", "LayerComparison", "compare_models", "compare_with_vendor"]
