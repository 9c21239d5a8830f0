"""create_pipeline: POT's algorithms by name, run on a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from numpot.ir.graph import Graph
from numpot.ir.ops.common.operator import nearest

from ..accuracy_aware.algorithm import quantize_accuracy_aware
from ..default_quantization import quantize
from ..errors import QuantizationError
from .config import read_params
from .config_parameters import AccuracyAware, Algorithm
from .engine import Engine
from .evaluator import EngineEvaluator
from .loaders import PotSamples
from .models import save_model

#: The stages of DefaultQuantization can also be listed by themselves.
_STAGES: Final = ("ActivationChannelAlignment", "MinMaxQuantization", "FastBiasCorrection", "BiasCorrection")
KNOWN: Final = ("DefaultQuantization", "AccuracyAwareQuantization", *_STAGES)


class Pipeline:
    """Algorithms to run on a model, with an engine's samples."""

    def __init__(self, algorithms: Sequence[tuple[str, Algorithm]], engine: Engine) -> None:
        self._algorithms = algorithms
        self._engine = engine

    def run(self, model: Graph) -> Graph:
        """Return the quantized model; the given model is not changed."""
        params, stages = _merge(self._algorithms)
        if params.ignored.skip_model:
            return model.copy()
        samples = PotSamples(self._engine.data_loader)
        options = {**params.options(len(samples)), **stages}
        if isinstance(params, AccuracyAware):
            return self._run_accuracy_aware(model, samples, params, options)
        if params.dump_intermediate_model:
            halfway = quantize(model, samples, **{**options, "correct_biases": False})
            save_model(halfway, str(Path(params.exec_log_dir) / "optimized"))
        return quantize(model, samples, **options)

    def _run_accuracy_aware(
        self, model: Graph, samples: PotSamples, params: AccuracyAware, options: dict[str, Any]
    ) -> Graph:
        """What was reached is in `info["quantization"]["accuracy"]` of the model; each intermediate model is
        not written to disk.
        """
        wanted = params.metric_names or None
        if params.annotation_free:
            raise QuantizationError(
                "annotation_free is for metrics of numpot; let the engine's data loader give the float "
                "model's answers"
            )
        evaluator = EngineEvaluator(self._engine, wanted)
        return quantize_accuracy_aware(
            model, samples, evaluator, **options, **params.search_options(len(samples))
        ).model

    def evaluate(self, model: Graph) -> dict[str, Any]:
        """Return {metric: value} over all samples of the engine's loader."""
        self._engine.set_model(model)
        metrics, _ = self._engine.predict()
        return dict(metrics)


def create_pipeline(algo_config: Sequence[Mapping[str, Any]], engine: Engine) -> Pipeline:
    """algo_config: [{"name": ..., "params": {...}}]: DefaultQuantization, or its stages one by one. Raises
    QuantizationError.
    """
    algorithms = []
    for number, entry in enumerate(algo_config):
        name = str(entry.get("name", "")).rpartition(".")[2]  # POT takes "Registry.Name" too
        if name not in KNOWN:
            raise QuantizationError(
                f"algorithms[{number}]: {name!r} is not known"
                + (nearest(name, KNOWN) or f". Known are {', '.join(KNOWN)}")
            )
        kind = AccuracyAware if name == "AccuracyAwareQuantization" else Algorithm
        algorithms.append(
            (name, read_params(entry.get("params") or {}, f"algorithms[{number}].params", kind))
        )
    if not algorithms:
        raise QuantizationError(f"algorithms: expected at least one of {', '.join(KNOWN)}, found none")
    return Pipeline(algorithms, engine)


def _merge(algorithms: Sequence[tuple[str, Algorithm]]) -> tuple[Algorithm, dict[str, bool]]:
    """The parameters of DefaultQuantization that a list of algorithms comes to, and which of its
    stages run.
    """
    names = [name for name, _ in algorithms]
    if (
        len(set(names)) < len(names)
        or (len(names) > 1 and set(names) - set(_STAGES))
        or set(_STAGES[2:]) <= set(names)
    ):
        raise QuantizationError(
            "algorithms: expected DefaultQuantization alone, AccuracyAwareQuantization alone, or each "
            f"stage once, found {', '.join(names)}"
        )
    if names[0] not in _STAGES:
        return algorithms[0][1], {}
    if "MinMaxQuantization" not in names:
        raise QuantizationError(
            f"algorithms: {', '.join(names)} need MinMaxQuantization, which quantizes; add it"
        )
    given: dict[str, Any] = {}
    for _, params in algorithms:
        given |= params.model_dump(exclude_unset=True)
    given["use_fast_bias"] = "BiasCorrection" not in names
    stages = {
        "align_channels": "ActivationChannelAlignment" in names,
        "correct_biases": bool(set(_STAGES[2:]) & set(names)),
    }
    return Algorithm(**given), stages
