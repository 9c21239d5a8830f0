"""Is the model good? evaluate runs it and asks a metric.

metric                      Metric: what every metric looks like
classification, confusion   accuracy; F1, precision, recall and mean IoU
detection, regression       mean average precision; RMSE and MAE
reference                   metrics that compare with a reference model: agreement, SQNR, cosine
names                       a metric by its name
partial_metric              a metric over the pieces of a data set
annotation_free             the float model's answers as labels
chance, not_finite          models that guess; outputs that are no numbers
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .classification import Accuracy as Accuracy
    from .metric import Metric as Metric
    from .names import parse_metric as parse_metric
    from .reference import Agreement as Agreement
    from .reference import Sqnr as Sqnr

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Metric": "metric",
        "Accuracy": "classification",
        "Agreement": "reference",
        "Sqnr": "reference",
        "parse_metric": "names",
    },
)
