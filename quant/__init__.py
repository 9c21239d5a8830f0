"""The algorithms, in the order the guide tells them, and the command line."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .accuracy_aware import quantize_accuracy_aware as quantize_accuracy_aware
    from .data_loader import DataLoader as DataLoader
    from .default import quantize as quantize
    from .evaluation import evaluate as evaluate
    from .finetuning.trainer import finetune as finetune
    from .metrics import Accuracy as Accuracy
    from .metrics import Metric as Metric

# Imported when first used, so that `numpot --help` does not wait for them.
_HOMES = {
    "quantize": "default",
    "quantize_accuracy_aware": "accuracy_aware",
    "evaluate": "evaluation",
    "finetune": "finetuning.trainer",
    "DataLoader": "data_loader",
    "Metric": "metrics",
    "Accuracy": "metrics",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
