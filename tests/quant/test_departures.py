"""What goes beyond POT is off unless it is better on every reference model; and `best` is what it is measured
as (docs/differences.md).
"""

import dataclasses

import pytest

pytest.importorskip("onnx")

from benchmarks import departures  # noqa: E402
from numpot.quant.best_preset import with_best  # noqa: E402
from numpot.quant.parameters import Parameters, read_parameters  # noqa: E402

from .material import needs_material  # noqa: E402

#: Off, because on this model it is no better.
WHY_OFF = {
    "`percentile`": "digits_mlp",
    "`mse`": "fmnist_mobilenet_hard",
    "`layer_noise`": "fmnist_resnet",
    "`auto`": "fmnist_resnet",
    "`mse` for weights": "digits_mlp",
    "`strict_pot=False`": "digits_mlp",
    "`equalize_channels=True`": "digits_mlp",
    "`saturation_fix=auto`": "digits_mlp",
}
A_TENTH = 0.1  # of a point; less is no difference between two models


def is_default(name: str) -> bool:
    return read_parameters(**departures.DEPARTURES[name]) == Parameters()


def test_best_is_measured_as_it_is() -> None:
    measured = read_parameters(**departures.combined(*departures.BEST))
    assert dataclasses.replace(measured, preset="best") == with_best(Parameters(preset="best"))


def test_what_is_off_has_a_reason() -> None:
    assert {name for name in departures.DEPARTURES if not is_default(name)} == WHY_OFF.keys()


@needs_material
@pytest.mark.slow
@pytest.mark.parametrize("name", departures.DEPARTURES)
def test_a_departure_is_on_only_if_it_is_better_on_every_model(name: str) -> None:
    on = is_default(name)
    models = departures.MODELS if on else [WHY_OFF[name]]
    without, with_it = (
        {m: departures.score(m, options) for m in models} for options in ({}, departures.DEPARTURES[name])
    )
    if on:
        assert departures.better_on_every(with_it, without)
    else:
        assert all(with_it[m].counts < without[m].counts + A_TENTH for m in models)


@needs_material
@pytest.mark.slow
def test_best_costs_a_model_without_labels_nothing() -> None:
    """efficientnet_lite0, signal to noise in dB; test_best_preset.py has the models with labels."""
    name = departures.WITHOUT_LABELS
    assert departures.score(name, {"preset": "best"}).sqnr >= departures.score(name, {}).sqnr - 0.1
