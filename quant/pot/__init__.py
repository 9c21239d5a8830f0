"""POT's own Python interface: a script written for POT changes its import line only.

    from numpot.quant.pot import DataLoader, IEEngine, Metric, create_pipeline, load_model, save_model
    from numpot.quant.pot import compress_model_weights

Names and shapes are those of POT 2023.3; a model is a numpot Graph. What lies behind them is
`numpot.quant.quantize` and `evaluate`.

    pipeline                   create_pipeline: the algorithms by name
    engine, loaders, models    IEEngine; DataLoader and Metric; load_model, save_model, compress_model_weights
    evaluator                  POT's engine and metric, as the accuracy-aware search measures with them
    config, config_parameters  configuration files in POT's shape
    config_keys                keys that follow from the declarations in settings/
"""

from .engine import Engine, IEEngine
from .loaders import DataLoader, Metric
from .models import compress_model_weights, load_model, save_model
from .pipeline import Pipeline, create_pipeline

__all__ = [
    "DataLoader",
    "Engine",
    "IEEngine",
    "Metric",
    "Pipeline",
    "compress_model_weights",
    "create_pipeline",
    "load_model",
    "save_model",
]
