"""Samples for calibration and evaluation: open a source by its name, take a subset, read it in batches."""

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.errors import AnyPath, counted
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph

from ..errors import DataError
from .classes import Classes, as_classes
from .idx import IdxData, find_sets
from .images import ImageFolder
from .loader import DataLoader, DataView, Sample
from .model_data import ModelData, check_inputs, check_loader
from .npz import NpzData
from .plugins import PluginData
from .preprocessing import Preprocessing


def open_data(
    spec: AnyPath,
    graph: Graph | AnyPath,
    *,
    preprocessing: Preprocessing | None = None,
    classes: AnyPath | Sequence[str] | Classes | None = None,
) -> ModelData:
    """Open the samples that `spec` names, in the form that the model takes.

    spec: an .npz file; a folder of pictures; a folder of IDX files, as `folder:train` or `folder:t10k` if it
    holds both; or `module:Class`, a DataLoader. preprocessing: how pixels become floats, if not as the model
    records. classes: of a folder with a sub-folder for each class, the names of these in the order of their
    labels, or the path of a file with one a line; by default what the model records, or the order of the
    names (numbers sort as numbers). Raises DataError.
    """
    if not isinstance(spec, str | os.PathLike):
        raise DataError(f"data is opened by its path, or by module:Class, found {shown(spec)}.")
    graph = as_graph(graph)
    check_inputs(graph)
    return ModelData(
        _open_source(os.fsdecode(spec), graph, None if classes is None else as_classes(classes)),
        graph,
        preprocessing,
    )


def _open_source(spec: str, graph: Graph, classes: Classes | None) -> DataLoader:
    source = _find_source(spec, graph, classes)
    if classes is not None and not isinstance(source, ImageFolder):
        raise DataError(
            f"{spec}: classes by {classes.source} are for folders with a sub-folder of pictures for "
            "each class. Leave them out."
        )
    return source


def _find_source(spec: str, graph: Graph, classes: Classes | None) -> DataLoader:
    path = Path(spec)
    before, _, after = spec.rpartition(":")
    try:
        if path.is_dir():
            return IdxData(path) if find_sets(path) else ImageFolder(path, graph, classes)
        if path.exists():  # and if it is no file, NpzData says so
            return NpzData(path, graph)
        if before and Path(before).is_dir():
            return IdxData(Path(before), after)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise DataError(f"{spec}: cannot be read ({error.strerror}).") from error
    if before:
        return PluginData(spec)
    raise DataError(
        f"{spec}: no such file or folder. Data is an .npz file, a folder of pictures or IDX files, or "
        "module:Class."
    )


class Subset(DataView):
    """Some samples of another loader, in the order of `indices`."""

    def __init__(self, loader: DataLoader, indices: Sequence[int]) -> None:
        super().__init__(loader)
        self._indices = indices

    def label(self, index: int) -> Any:
        return self._loader.label(self._indices[index])

    def where(self, index: int) -> str:
        return self._loader.where(self._indices[index])

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        return self._loader[self._indices[index]]


def subset(loader: DataLoader, size: int, *, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Return at most `size` samples: the first ones, or a random choice that `seed` determines. Source: POT
    2023.3.
    """
    check_loader(loader)
    if not isinstance(shuffle, bool | np.bool_):
        raise DataError(f"shuffle must be True or False, found {shown(shuffle)}.")
    for name, value in (("size", size), ("seed", seed)):
        _check_whole(name, value)
    size = min(size, len(loader))
    return Subset(loader, random.Random(seed).sample(range(len(loader)), size) if shuffle else range(size))


@dataclass(frozen=True)
class Batch:
    """Samples side by side: inputs by name, [n, ...]; labels, an int64 array [n] if all are integers, a list
    otherwise, None if there are none; and the samples' numbers in their loader."""

    inputs: dict[str, np.ndarray]
    labels: Sequence[Any] | np.ndarray | None
    indices: range


def batches(
    loader: DataLoader, graph: Graph | AnyPath, batch_size: int, *, limit: int | None = None
) -> Iterator[Batch]:
    """Yield the samples of a loader in batches, in order and in the form that the model takes. Nothing is
    read ahead.

    A model with a fixed batch decides `batch_size` itself. The data is checked against the model when this is
    called, each sample when it is read; raises DataError.
    """
    check_loader(loader)
    graph = as_graph(graph)
    _check_whole("batch_size", batch_size, least=1)
    fixed = fixed_batch(graph)
    data = ModelData(loader if limit is None else subset(loader, limit), graph)
    if fixed and len(data) % fixed:
        raise DataError(
            f"{data.name}: the model's batch is fixed at {fixed}, and {counted(len(data), 'sample')} cannot "
            "be divided into whole batches. "
            f"Use a multiple of {fixed}, or a model with a dynamic batch."
        )
    size = fixed or batch_size
    return (_batch(data, range(first, min(first + size, len(data)))) for first in range(0, len(data), size))


def _check_whole(name: str, value: object, least: int = 0) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise DataError(f"{name} must be a whole number of at least {least}, found {shown(value)}.")


def fixed_batch(graph: Graph) -> int | None:
    """The batch size that the model's inputs prescribe, None if it is free. Raises DataError where inputs
    disagree.
    """
    shapes = {parameter.name: parameter.output.shape for parameter in graph.inputs}
    for name, shape in shapes.items():
        if not shape:
            raise DataError(
                f"input {name!r} of the model is a single number; samples need a first dimension, the batch."
            )
    sizes = {shape[0] for shape in shapes.values()} - {-1}
    if len(sizes) > 1:
        found = ", ".join(f"{name!r}: {shape[0]}" for name, shape in shapes.items())
        raise DataError(f"the model's inputs must have one batch size, their first dimension, found {found}.")
    return next(iter(sizes), None)


def _batch(data: ModelData, indices: range) -> Batch:
    samples = [data[i] for i in indices]
    inputs = {name: np.stack([arrays[name] for arrays, _ in samples]) for name in samples[0][0]}
    return Batch(inputs, _labels(data, indices, [label for _, label in samples]), indices)


def _labels(data: ModelData, indices: range, labels: list[Any]) -> list[Any] | np.ndarray | None:
    without = [i for i, label in zip(indices, labels, strict=True) if label is None]
    if len(without) == len(labels):
        return None
    if without:
        raise DataError(
            f"{data.where(without[0])} has no label, and others have. Label all samples, or none."
        )
    return as_labels(labels)


def as_labels(labels: list[Any]) -> list[Any] | np.ndarray:
    """As a metric gets those of a batch: an int64 array if all are integers."""
    if not all(isinstance(label, int | np.integer) for label in labels):
        return labels
    try:
        return np.array(labels, np.int64)
    except OverflowError:
        raise DataError(
            f"a label must be a whole number of at most 63 bits; one has {max(map(_bits, labels))}."
        ) from None


def _bits(label: Any) -> int:
    return int(label).bit_length()
