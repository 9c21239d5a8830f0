"""The quantization algorithms, in the order of the guide, and the command line.

Read default_quantization: its eight stages are in the packages layers/, channels/, placement/, statistics/
(calibration.py), ranges/, weights/ and biases/, and in assembly.py. Public names are those below, of data/
and of metrics/; nothing is imported before it is used.

    default_quantization      quantize: DefaultQuantization
    parameters, best_preset   what it is told, checked; the preset `best`
    calibration, assembly     what is measured of the samples; the int8 model, whole or in part
    settings/, defaults       the declarations of all options; POT's defaults
    data/, metrics/           samples; how good a model is
    parallel/                 work shared by processes
    findings/                 what somebody should know of a quantized model
    accuracy_aware/           as many layers as an accuracy bound allows
    finetuning/               weight codes and biases learned from samples
    compare/                  two models, or two runtimes, tensor by tensor
    benchmark/, vendors/      how fast; the runtimes that numpot is compared with
    pot/, cli/, demo/         POT's interface; the command line; a model to try
    errors, sentences         what can be wrong; words that messages share
    version                   which numpot this is
"""

from typing import TYPE_CHECKING

from numpot.ir.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .accuracy_aware.algorithm import quantize_accuracy_aware as quantize_accuracy_aware
    from .data.loader import DataLoader as DataLoader
    from .default_quantization import quantize as quantize
    from .finetuning.trainer import finetune as finetune
    from .metrics.classification import Accuracy as Accuracy
    from .metrics.evaluate import evaluate as evaluate
    from .metrics.metric import Metric as Metric
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
        "Metric": "metrics.metric",
        "Accuracy": "metrics.classification",
        "__version__": "version",
    },
)
