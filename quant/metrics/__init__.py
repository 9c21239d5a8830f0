"""Measure how good a model is: evaluate runs it; classification, detection, confusion and annotation_free are
metrics, one family per file.
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .classification import Accuracy as Accuracy
    from .classification import Agreement as Agreement
    from .classification import Metric as Metric
    from .classification import Sqnr as Sqnr
    from .classification import parse_metric as parse_metric

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict.fromkeys(("Accuracy", "Agreement", "Metric", "Sqnr", "parse_metric"), "classification"),
)
