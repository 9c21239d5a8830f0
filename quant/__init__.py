"""The quantization algorithms, in the order of the guide, and the command line.

Read default_quantization: its eight stages are in the packages layers/, channels/, placement/, statistics/
(calibration.py), ranges/, weights/ and biases/, and in assembly.py. Public names are those below, of data/
and of metrics/; nothing is imported before it is used.
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .accuracy_aware.algorithm import quantize_accuracy_aware as quantize_accuracy_aware
    from .data.loader import DataLoader as DataLoader
    from .default_quantization import quantize as quantize
    from .finetuning.trainer import finetune as finetune
    from .metrics.classification import Accuracy as Accuracy
    from .metrics.classification import Metric as Metric
    from .metrics.evaluate import evaluate as evaluate
    from .parallel.dask_pool import open_pool as open_pool
    from .version import __version__ as __version__
    from .weights.measure_saturation import measure_saturation as measure_saturation

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "quantize": "default_quantization",
        "quantize_accuracy_aware": "accuracy_aware.algorithm",
        "evaluate": "metrics.evaluate",
        "finetune": "finetuning.trainer",
        "measure_saturation": "weights.measure_saturation",
        "open_pool": "parallel.dask_pool",
        "DataLoader": "data.loader",
        "Metric": "metrics.classification",
        "Accuracy": "metrics.classification",
        "__version__": "version",
    },
)
