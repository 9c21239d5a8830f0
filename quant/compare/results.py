"""What a comparison found."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from numpot.ir.display.html_table import html_table
from numpot.ir.errors import one_line

from ..metrics.not_finite import NotFinite, NotFiniteWarning
from ..sentences import counted
from .causes import Cause
from .differences import Difference
from .points import Point

RUNTIME_COLUMNS: Final = ("layer", "type", "elements", "differ", "largest", "SQNR", "by itself", "cause")
MODEL_COLUMNS: Final = ("layer", "type", "largest", "SQNR", "by itself", "cause")


@dataclass
class LayerComparison:
    """The comparison of one layer. cumulative: each model on its own inputs. isolated: this layer on the
    reference's inputs.
    """

    point: Point
    cumulative: Difference
    isolated: Difference
    cause: Cause | None = None

    @property
    def name(self) -> str:
        """The layer that makes the tensor."""
        return self.point.layer

    def as_json(self) -> dict[str, object]:
        """Return what `numpot compare --json` prints of this place."""
        entry: dict[str, object] = {
            "name": self.point.layer,
            "type": self.point.type,
            "tensor": self.point.tensor,
            "unit": self.cumulative.unit,
            **_numbers(self.cumulative),
            "isolated": _numbers(self.isolated),
            "fused": list(self.point.fused),
            "cause": self.cause.label if self.cause else None,
            "detail": self.cause.detail if self.cause else None,
        }
        return entry


@dataclass(repr=False)
class Comparison:
    """model, reference: what was run. layers: in the order of computation, without the outputs, which are in
    `outputs`.

    notes: what a reader must know to judge the numbers. not_finite, reference_not_finite: how many numbers of
    the outputs of the model, and of the reference, were NaN or infinite; `finished` turns them into notes.
    """

    model: str
    reference: str
    arithmetic: str
    samples: int
    layers: Sequence[LayerComparison]
    outputs: Sequence[LayerComparison]
    same_model: bool  # the same graph, so that every difference is one of runtimes
    notes: list[str] = field(default_factory=list)
    not_finite: NotFinite = field(default_factory=NotFinite)
    reference_not_finite: NotFinite = field(default_factory=NotFinite)

    def finished(self) -> "Comparison":
        """Return itself once everything was run: NaN and infinite outputs become notes, and warnings of the
        Python API.
        """
        for whose, counts in (("the model", self.not_finite), ("the reference", self.reference_not_finite)):
            if counts:
                self.notes.append(counts.sentence(whose))
                warnings.warn(counts.sentence(whose), NotFiniteWarning, stacklevel=3)
        return self

    @property
    def first_difference(self) -> LayerComparison | None:
        """The first place, in the order of computation, at which an element differs; None if none does."""
        return next((c for c in [*self.layers, *self.outputs] if c.cumulative.mismatches), None)

    @property
    def worst(self) -> LayerComparison | None:
        """The layer that adds the most noise, relative to its signal."""
        noisy = [c for c in self.layers if c.isolated.sqnr_db is not None]
        return min(noisy, key=lambda c: c.isolated.sqnr_db or 0.0, default=None)

    def __repr__(self) -> str:
        """Comparison of int8.xml with openvino: 53 layers, 32 samples, first difference at conv1
        (rounding)
        """
        first, worst = self.first_difference, self.worst
        found = "no element differs"
        if first is not None:
            found = f"first difference at {first.name}" + (f" ({first.cause.label})" if first.cause else "")
        if worst is not None and not self.same_model:
            found += f", {worst.name} hurts most, {decibels(worst.isolated.sqnr_db)} by itself"
        counts = f"{counted(len(self.layers), 'layer')}, {counted(self.samples, 'sample')}"
        return one_line(f"Comparison of {self.model} with {self.reference}: {counts}, {found}")

    def _repr_html_(self) -> str:
        """A row for each place, for notebooks."""
        return html_table(repr(self), self.columns, self.rows, "numpot compare lists them all")

    @property
    def columns(self) -> Sequence[str]:
        """Heads of the table: between runtimes what differs is counted, between models it is measured."""
        return RUNTIME_COLUMNS if self.same_model else MODEL_COLUMNS

    @property
    def rows(self) -> list[list[str]]:
        """One for each place, under `columns`: the layers and then the outputs."""
        row = _runtime_row if self.same_model else _model_row
        return [row(place) for place in [*self.layers, *self.outputs]]

    def as_json(self) -> dict[str, object]:
        """Return what `numpot compare --json` prints."""
        first, worst = self.first_difference, self.worst
        return {
            "model": self.model,
            "reference": self.reference,
            "arithmetic": self.arithmetic,
            "samples": self.samples,
            "layers": [c.as_json() for c in self.layers],
            "first_difference": first.name if first else None,
            "worst": worst.name if worst else None,
            "output": {c.point.tensor: c.as_json() for c in self.outputs},
            "notes": self.notes,
            "not_finite": {"model": asdict(self.not_finite), "reference": asdict(self.reference_not_finite)},
        }


def _runtime_row(layer: LayerComparison) -> list[str]:
    c, i = layer.cumulative, layer.isolated
    return [
        *_head(layer),
        f"{c.elements:,}",
        f"{c.mismatches:,}",
        c.largest if c.mismatches else "",
        decibels(c.sqnr_db),
        f"{i.mismatches:,}",
        layer.cause.label if layer.cause else "",
    ]


def _model_row(layer: LayerComparison) -> list[str]:
    c, i = layer.cumulative, layer.isolated
    return [
        *_head(layer),
        c.largest if c.mismatches else "",
        decibels(c.sqnr_db),
        decibels(i.sqnr_db),
        layer.cause.label if layer.cause else "",
    ]


def _head(layer: LayerComparison) -> list[str]:
    return [f"output {layer.point.tensor}" if layer.point.is_output else layer.name, layer.point.type]


def decibels(value: float | None) -> str:
    """`12.3 dB`; nothing where there is no noise."""
    return "" if value is None else f"{value:.1f} dB"


def _numbers(difference: Difference) -> dict[str, object]:
    sqnr = difference.sqnr_db
    return {
        "elements": difference.elements,
        "mismatches": difference.mismatches,
        "max_abs": _finite(difference.max_abs),
        "relative": _finite(difference.relative),
        "sqnr_db": None if sqnr is None else _finite(round(sqnr, 2)),
    }


def _finite(value: float) -> float | str:
    """JSON has no infinity."""
    return value if abs(value) != float("inf") else str(value)
