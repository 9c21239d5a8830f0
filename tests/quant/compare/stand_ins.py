"""Runtimes that differ from numpot in one known way, and models to run on them, so that every cause can be
provoked.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.graph import Graph
from numpot.quant.compare import Comparison, against_runtime, compare_with_vendor, observing
from numpot.quant.vendors.probe import Probe
from numpot.quant.vendors.vendor import Inference, Run, Vendor

from ..data.array_data import ArrayData

Arrays = dict[str, np.ndarray]


class Samples(ArrayData):
    """As arrays are given, without labels."""

    def __getitem__(self, index: int):
        data = super().__getitem__(index)
        return data if isinstance(data, tuple) else (data, None)


def numpot_itself(
    arithmetic: str = "exact", edit: Callable[[Graph], Graph] = lambda g: g, inputs: Callable = lambda x: x
):
    """A compile function as vendors have: numpot in an arithmetic, on an edited model or with
    changed inputs.
    """

    def compile(graph: Graph, folder: Path) -> Run:
        executor = Executor(edit(graph), arithmetic=arithmetic)  # type: ignore[arg-type]
        return lambda arrays: executor.run({name: inputs(x) for name, x in arrays.items()})

    return compile


def never(*_: object) -> Inference:
    raise AssertionError("a comparison opens no runtime for speed")


def compare_with(
    monkeypatch: pytest.MonkeyPatch, compile, graph: Graph, x: np.ndarray, **options
) -> Comparison:
    """numpot against a stand-in."""
    vendor = Vendor("stand-in", "stand-in", (), compile, open=never)
    monkeypatch.setitem(observing.VENDORS, "stand-in", vendor)
    monkeypatch.setattr(against_runtime, "check_vendor", lambda *_: None)
    exact = Probe("openvino", "0", "a stand-in", {("any layer", "unsigned"): ("exact",)})
    monkeypatch.setattr(against_runtime, "probe", lambda _: exact)
    monkeypatch.setattr(Vendor, "describe", lambda *_: "stand-in")
    return compare_with_vendor(graph, "stand-in", Samples(x), **options)


def causes(comparison: Comparison) -> list[str | None]:
    """Labels, in the order of computation."""
    return [c.cause.label if c.cause else None for c in [*comparison.layers, *comparison.outputs]]
