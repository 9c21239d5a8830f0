"""A model run by numpot and by a vendor's runtime, tensor by tensor."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numpot.ir.errors import AnyPath
from numpot.ir.executor.executor import Executor
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph, Tensor
from numpot.ir.lowering.lower import (
    INTEGER_LAYERS,
    IntegerArithmetic,
    for_arithmetic,
    fuses_residual_adds,
    lower,
)

from ..data.loader import DataLoader
from ..data.sources import batches
from ..metrics.not_finite import NotFinite
from ..parallel.progress import track
from ..settings.arguments import as_loader, check_options
from ..vendors.openvino import AVX2
from ..vendors.probe import probe
from ..vendors.registry import VENDORS, check_vendor
from ..vendors.vendor import Arrays
from .causes import FLOAT_ROUNDING, TIE_OF_FLOATS, Evidence, cause_against_runtime
from .forcing import Forced
from .observing import observe
from .points import CODES, ON_GRID, Point, points_of_model, position_in_codes
from .results import Comparison, LayerComparison

BATCH = 8


def compare_with_vendor(
    graph: Graph | AnyPath,
    vendor: str,
    data: DataLoader | AnyPath,
    *,
    arithmetic: IntegerArithmetic | None = None,
    limit: int | None = None,
    progress: bool = False,
) -> Comparison:
    """Run a model by numpot in an arithmetic and by a vendor's runtime ("openvino" or "onnxruntime"), which
    is the reference.

    arithmetic: by default the one that the vendor has on this processor (probe.py). Raises MissingExtraError,
    CompareError, DataError, or what the vendor's format cannot hold.
    """
    check_options(compare_with_vendor, vendor=vendor, arithmetic=arithmetic, limit=limit, progress=progress)
    graph = as_graph(graph)
    data = as_loader(data, graph)
    check_vendor(vendor, arithmetic)
    terms = _agree(graph, vendor, arithmetic)
    arithmetic = terms.arithmetic
    lowered = for_arithmetic(graph, arithmetic)
    points = points_of_model(graph, lowered)
    layers = [LayerComparison(p, p.difference(), p.difference()) for p in points]
    evidence = [Evidence() for _ in points]
    own, detective = _Own(lowered, points), _Detective(graph, lowered, points, arithmetic, terms.other)
    inputs = (batch.inputs for batch in batches(data, graph, BATCH, limit=limit))
    seen = observe(vendor, graph, [p.tensor for p in points], inputs, terms.asked)
    samples, not_finite = 0, (NotFinite(), NotFinite())
    with track(_count(data, limit), f"comparing with {vendor}", quiet=not progress) as advance:
        for batch, raw in zip(batches(data, graph, BATCH, limit=limit), seen, strict=True):
            reference = {p.tensor: _as_compared(p, raw[p.tensor]) for p in points}
            ours, isolated = own.run(batch.inputs, reference)
            for counts, side in ((not_finite[0], ours), (not_finite[1], reference)):
                counts.look({p.tensor: side[p.tensor] for p in points if p.is_output})
            for layer in layers:
                layer.cumulative.add(ours[layer.point.tensor], reference[layer.point.tensor])
                layer.isolated.add(isolated[layer.point.tensor], reference[layer.point.tensor])
            detective.look(batch.inputs, reference, raw, isolated, evidence)
            samples += len(batch.indices)
            advance(len(batch.indices))
    for layer, found in zip(layers, evidence, strict=True):
        layer.cause = cause_against_runtime(
            layer.cumulative, layer.isolated, found, layer.point.fused, terms.other
        )
    return Comparison(
        model=graph.name,
        reference=VENDORS[vendor].describe(os.environ | terms.asked),
        arithmetic=arithmetic,
        samples=samples,
        layers=[c for c in layers if not c.point.is_output],
        outputs=[c for c in layers if c.point.is_output],
        same_model=True,
        notes=terms.notes,
        not_finite=not_finite[0],
        reference_not_finite=not_finite[1],
    ).finished()


@dataclass(frozen=True)
class _Terms:
    """arithmetic: of numpot; other: that may explain a difference; asked: of the vendor's environment; notes:
    for the reader.
    """

    arithmetic: IntegerArithmetic
    other: IntegerArithmetic
    asked: dict[str, str]
    notes: list[str]


def _agree(graph: Graph, vendor: str, wanted: IntegerArithmetic | None) -> _Terms:
    """On what is compared: as wanted, or as the vendor computes here. A float model needs no arithmetic, and
    no probe.
    """
    if not for_arithmetic(graph, "exact").of_type(*INTEGER_LAYERS):
        return _Terms(wanted or "exact", "saturating", {}, [])
    here = probe(vendor)
    if wanted is None or wanted == here.arithmetic:
        notes = [f"{here.does}: compared with `{here.arithmetic}`"]
        if here.departures:
            notes.append(f"other arithmetic in {vendor}: {', '.join(here.departures)}")
        return _Terms(here.arithmetic, "exact" if here.arithmetic != "exact" else "saturating", {}, notes)
    # a processor that can do more can also do as AVX2 does
    if vendor == "openvino" and wanted == "saturating":
        return _Terms(
            wanted,
            here.arithmetic,
            AVX2,
            [f"{here.does}; it was made to saturate as on AVX2, and compared with `saturating`"],
        )
    return _Terms(
        wanted,
        here.arithmetic,
        {},
        [f"{here.does}, and is compared with `{wanted}`, as asked: layers may differ for that reason"],
    )


def _count(data: DataLoader, limit: int | None) -> int:
    return len(data) if limit is None else min(limit, len(data))


def _as_compared(point: Point, raw: np.ndarray) -> np.ndarray:
    return raw if point.grid is None else point.grid.codes(raw)


class _Own:
    """numpot's side: as it runs by itself, and with every layer given the reference's inputs."""

    def __init__(self, lowered: Graph, points: Sequence[Point]) -> None:
        self._points = points
        self._tensors = {p.tensor: _tensor_of(lowered, p) for p in points if not p.is_output}
        self._names = {tensor: name for name, tensor in self._tensors.items()}
        self._executor = Executor(lowered, arithmetic="simulated", observe=self._names)
        self._forced = Forced(
            lowered, {name: t.producer.name for name, t in self._tensors.items()}, "simulated"
        )

    def run(self, inputs: Arrays, reference: Arrays) -> tuple[Arrays, Arrays]:
        """At every point, as it is compared: by itself, and given the reference."""
        seen: Arrays = {}

        def look(tensor: Tensor, array: np.ndarray) -> None:
            seen[self._names[tensor]] = array.copy()

        outputs = self._executor.run(inputs, observer=look)
        return self._compared(outputs | seen), self._compared(
            self._forced.run(inputs, given(self._points, self._tensors, reference))[0]
        )

    def _compared(self, arrays: Arrays) -> Arrays:
        return {p.tensor: _own_codes(p, arrays[p.tensor]) for p in self._points}


def _tensor_of(lowered: Graph, point: Point) -> Tensor:
    """The codes if they exist."""
    return lowered.nodes[
        point.tensor + CODES if point.tensor + CODES in lowered.nodes else point.tensor
    ].output


def _own_codes(point: Point, array: np.ndarray) -> np.ndarray:
    return point.grid.codes(array) if point.grid is not None and array.dtype != np.uint8 else array


def given(points: Sequence[Point], tensors: dict[str, Tensor], reference: Arrays) -> Arrays:
    """The reference at every cut, as codes or real numbers, whichever flow there."""
    arrays: Arrays = {}
    for p in points:
        if p.tensor in tensors:
            value = reference[p.tensor]
            arrays[p.tensor] = (
                p.grid.real(value) if p.grid is not None and tensors[p.tensor].dtype != np.uint8 else value
            )
    return arrays


# ---- evidence ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Variant:
    """The model computed in another way, given the reference's inputs."""

    points: Sequence[Point]  # those that it has
    tensors: dict[str, Tensor]
    forced: Forced

    @classmethod
    def make(cls, graph: Graph, points: Sequence[Point], observe: Sequence[str] = ()) -> "_Variant":
        points = [
            p for p in points if p.is_output or p.tensor in graph.nodes or p.tensor + CODES in graph.nodes
        ]
        tensors = {p.tensor: _tensor_of(graph, p) for p in points if not p.is_output}
        return cls(
            points,
            tensors,
            Forced(graph, {n: t.producer.name for n, t in tensors.items()}, "simulated", observe),
        )

    def run(self, inputs: Arrays, reference: Arrays) -> tuple[Arrays, Arrays]:
        made, seen = self.forced.run(inputs, given(self.points, self.tensors, reference))
        return {p.tensor: _own_codes(p, made[p.tensor]) for p in self.points}, seen


class _Detective:
    """Gathers evidence where a layer that is given the reference's inputs differs; prepares nothing before
    one does.
    """

    def __init__(
        self,
        graph: Graph,
        lowered: Graph,
        points: Sequence[Point],
        arithmetic: IntegerArithmetic,
        other: IntegerArithmetic,
    ) -> None:
        self._graph, self._lowered, self._points = graph, lowered, points
        self._arithmetic, self._other = arithmetic, other
        self._fuses = fuses_residual_adds(arithmetic)
        self._is_integer = bool(lowered.of_type(*INTEGER_LAYERS))
        self._variants: tuple[_Variant, _Variant, _Variant] | None = None

    def look(
        self, inputs: Arrays, reference: Arrays, raw: Arrays, isolated: Arrays, evidence: Sequence[Evidence]
    ) -> None:
        """One batch. raw: the reference's real numbers, before codes were made of them."""
        differing = []
        for point, found in zip(self._points, evidence, strict=True):
            if point.grid is not None:
                found.off_grid += int(
                    (np.abs(_from_nearest(point.grid.position(raw[point.tensor]))) > ON_GRID).sum()
                )
            if not np.array_equal(
                isolated[point.tensor], reference[point.tensor], equal_nan=point.grid is None
            ):
                differing.append((point, found))
        if not differing or not self._is_integer:
            return
        self._variants = self._variants or self._make_variants()
        (_, rounded), (other, _), (otherwise, _) = (v.run(inputs, reference) for v in self._variants)
        for point, found in differing:
            expected = reference[point.tensor]
            found.other_arithmetic = (found.other_arithmetic or 0) + _count_different(
                point, other[point.tensor], expected
            )
            if point.tensor in otherwise and (point.fused or not self._fuses):
                found.other_fusion = (found.other_fusion or 0) + _count_different(
                    point, otherwise[point.tensor], expected
                )
            if point.grid is not None:
                differs = isolated[point.tensor] != expected
                distance = self._distance_from_tie(point, rounded)[differs]
                near, bias = (
                    distance <= TIE_OF_FLOATS,
                    distance <= np.broadcast_to(self._half_a_sum(point), expected.shape)[differs],
                )
                found.ties += int((distance == 0).sum())
                found.near_ties += int((near & (distance > 0)).sum())
                found.near_bias += int((bias & ~near).sum())

    def _make_variants(self) -> tuple[_Variant, _Variant, _Variant]:
        sources = sorted(
            {_what_is_rounded(self._lowered, p).producer.name for p in self._points if p.grid is not None}
        )
        return (
            _Variant.make(self._lowered, self._points, sources),
            _Variant.make(lower(self._graph, self._other, fuse_residual_adds=self._fuses), self._points),
            _Variant.make(self._fused_otherwise(), self._points),
        )

    def _fused_otherwise(self) -> Graph:
        """Residual Adds fused into the convolution before them, or not: the other one of the two.

        Exact sums, where every FakeQuantize rounds, are those of the model as it is, in real numbers.
        """
        return (
            self._graph
            if self._arithmetic == "exact"
            else lower(self._graph, self._arithmetic, fuse_residual_adds=not self._fuses)
        )

    def _half_a_sum(self, point: Point) -> np.ndarray:
        """Half a unit of the integer sums of the layer right behind a point, in codes; 0 where
        there is none.
        """
        scale = self._lowered.nodes.get(f"{point.layer}/scale")
        if scale is None or scale.output.constant is None or point.grid is None or point.fused:
            return np.zeros(())
        return np.asarray(0.5 * scale.output.constant / point.grid.step + TIE_OF_FLOATS)

    def _distance_from_tie(self, point: Point, rounded: Arrays) -> np.ndarray:
        """Return the distance, in codes, of the numbers from the middle between two codes."""
        tensor = _what_is_rounded(self._lowered, point)
        quantize = _tensor_of(self._lowered, point).producer
        x = rounded[tensor.producer.name]
        # a Round does it, and then 128 is added
        position = position_in_codes(quantize, x) if quantize.inputs[0] is tensor else x
        return np.float32(0.5) - np.abs(_from_nearest(position))


def _count_different(point: Point, found: np.ndarray, expected: np.ndarray) -> int:
    """Elements that differ: codes by any number, real numbers by more than rounding does."""
    if point.grid is not None:
        return int((found != expected).sum())
    return int((np.abs(found - expected) > FLOAT_ROUNDING * np.abs(expected).max(initial=0)).sum())


def _what_is_rounded(lowered: Graph, point: Point) -> Tensor:
    tensor = _tensor_of(lowered, point).producer.inputs[0]
    return tensor.producer.inputs[0] if tensor.producer.type == "Round" else tensor


def _from_nearest(position: np.ndarray) -> np.ndarray:
    return position - np.rint(position)
