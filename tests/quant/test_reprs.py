"""What a prompt and a notebook show of data and results: one line each, and a table with a row for each
layer.
"""

import dataclasses
from xml.etree import ElementTree

import numpy as np
import pytest

from numpot.ir.executor.saturation_counts import LayerSaturation, SaturationResult
from numpot.ir.graph import Graph
from numpot.quant import measure_saturation, quantize
from numpot.quant.compare import Comparison, compare_models
from numpot.quant.data import ModelData, subset
from numpot.quant.demo import load


@pytest.fixture(scope="module")
def demo() -> tuple[Graph, Graph, ModelData]:
    fp32, calibration, test = load()
    return fp32, quantize(fp32, subset(calibration, 20)), ModelData(subset(test, 4), fp32)


@pytest.fixture(scope="module")
def comparison(demo) -> Comparison:
    fp32, int8, data = demo
    return compare_models(int8, fp32, data)


def rows_of(html: str) -> list[list[str]]:
    table = ElementTree.fromstring(f"<div>{html}</div>")
    return [[cell.text or "" for cell in row] for row in table.iter("tr")]


def layer(name: str, saturated: list[int], *, safe: bool = False, elsewhere: bool = False) -> LayerSaturation:
    counts = np.array(saturated, np.int64)
    return LayerSaturation(name, 1200, counts, 7 * counts, safe, elsewhere, np.full(len(counts), 8.0))


# ---- data --------------------------------------------------------------------------------------------------


def test_data_says_how_many_samples_of_what(demo) -> None:
    fp32, _, data = demo
    assert repr(data) == f"ModelData {data.name!r}: 4 samples of x [1,28,28] f32, with labels"
    one = ModelData(subset(load()[1], 1), fp32)
    assert repr(one) == f"ModelData {one.name!r}: 1 sample of x [1,28,28] f32, without labels"


# ---- saturation --------------------------------------------------------------------------------------------


def test_a_layer_says_what_clips_and_its_verdict() -> None:
    expected = "LayerSaturation 'a': 5 of 1,200 pairs clip, 2 of 3 channels, weights of 8.0 bits: clips"
    assert repr(layer("a", [0, 2, 3])) == expected
    verdicts = [
        layer("a", [1]),
        layer("a", [0], safe=True),
        layer("a", [0], elsewhere=True),
        layer("a", [0]),
    ]
    assert [x.verdict for x in verdicts] == ["clips", "proven safe", "may clip elsewhere", "no clip seen"]


def test_the_result_is_a_list_that_adds_up(demo) -> None:
    _, int8, data = demo
    found = measure_saturation(int8, data)
    clipped = sum(int(x.saturated.sum()) for x in found)
    assert isinstance(found, list) and found.clipped == clipped > 0
    assert repr(found).startswith(
        f"SaturationResult: {clipped:,} of {sum(x.pairs for x in found):,} pairs clip"
    )
    head, *rows = rows_of(found._repr_html_())
    assert [row[0] for row in rows] == [x.name for x in found] and head[0] == "layer"
    assert [row[3] for row in rows] == [f"{x.saturated.sum():,}" for x in found]


def test_a_result_of_no_layer_can_be_shown() -> None:
    assert repr(SaturationResult()) == "SaturationResult: 0 of 0 pairs clip, in 0 of 0 layers"
    assert len(rows_of(SaturationResult()._repr_html_())) == 1


def test_names_of_layers_are_escaped() -> None:
    found = SaturationResult([layer("<img src=x>", [0])])
    assert "<img" not in found._repr_html_() and rows_of(found._repr_html_())[1][0] == "<img src=x>"


# ---- comparisons -------------------------------------------------------------------------------------------


def test_a_comparison_says_where_it_begins_to_differ(comparison: Comparison) -> None:
    shown, first, worst = repr(comparison), comparison.first_difference, comparison.worst
    assert first is not None and first.cause is not None and worst is not None
    assert f"{len(comparison.layers)} layers, 4 samples" in shown
    assert f"first difference at {first.name} ({first.cause.label})" in shown
    assert f"{worst.name} hurts most" in shown and shown.isprintable()


def test_a_comparison_without_difference_says_so(comparison: Comparison) -> None:
    nothing = dataclasses.replace(comparison, layers=[], outputs=[], samples=1)
    assert repr(nothing).endswith(": 0 layers, 1 sample, no element differs")


@pytest.mark.parametrize("same_model", [False, True])
def test_its_table_has_a_row_for_each_place(comparison: Comparison, same_model: bool) -> None:
    shown = dataclasses.replace(comparison, same_model=same_model)
    head, *rows = rows_of(shown._repr_html_())
    assert head == list(shown.columns) and rows == shown.rows
    assert len(rows) == len(comparison.layers) + len(comparison.outputs)
