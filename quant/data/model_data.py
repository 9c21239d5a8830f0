"""ModelData: any source of samples, seen through the model that will read them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.display.shapes import shape_and_type
from numpot.ir.dtypes import FLOATS, NAMES, DType
from numpot.ir.errors import AnyPath, one_line
from numpot.ir.formats.model_files import as_graph
from numpot.ir.graph import Graph

from ..errors import DataError
from ..sentences import counted
from .loader import Data, DataLoader, DataView
from .preprocessing import Preprocessing


class Input(NamedTuple):
    """What a model's input takes: batch included, -1 where it is free."""

    shape: tuple[int, ...]
    dtype: DType


class ModelData(DataView):
    """Samples as the model takes them: `loader[i]` is ({input name: array of the input's type and shape
    without batch}, label).

    What is already so passes unchanged. Pixels (uint8) are brought to CxHxW and made floats; float64 is
    rounded to float32. The first sample is read at once, so that data that does not fit the model is refused
    before any work; so is an empty source. Every sample is checked for NaN and infinities when it is read.
    preprocessing: overrides the one that the model records.
    """

    def __init__(
        self, loader: DataLoader, graph: Graph | AnyPath, preprocessing: Preprocessing | None = None
    ) -> None:
        check_loader(loader)
        graph = as_graph(graph)
        check_inputs(graph)
        if preprocessing is not None and not isinstance(preprocessing, Preprocessing):
            raise DataError(
                f"preprocessing must be a Preprocessing(mean, std), found {shown(preprocessing)}."
            )
        super().__init__(loader)
        self._inputs = {p.name: Input(p.output.shape, p.output.dtype) for p in graph.inputs}
        self._preprocessing = preprocessing or Preprocessing.recorded(graph)
        if not len(loader):
            raise DataError(f"{loader.name}: expected at least one sample, found none.")
        self._has_labels = self[0][1] is not None

    def __repr__(self) -> str:
        """ModelData 'test.npz': 2000 samples of x [1,28,28] f32, with labels"""
        inputs = ", ".join(
            f"{name} {shape_and_type(i.shape[1:], i.dtype)}" for name, i in self._inputs.items()
        )
        labels = "with labels" if self._has_labels else "without labels"
        return one_line(f"ModelData {self.name!r}: {counted(len(self), 'sample')} of {inputs}, {labels}")

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], object]:
        sample, where = self._loader[index], self.where(index)
        if not isinstance(sample, tuple) or len(sample) != 2:
            raise DataError(
                f"{where} must be a pair (data, label), found {type(sample).__name__}; the label may be None."
            )
        data, label = sample
        arrays = self._by_input(data, where)
        return {
            name: self._fit(arrays[name], wanted, f"{where} of input {name!r}")
            for name, wanted in self._inputs.items()
        }, label

    def _by_input(self, data: Data, where: str) -> Mapping[str, np.ndarray]:
        names = ", ".join(repr(name) for name in self._inputs)
        if not isinstance(data, Mapping):
            if len(self._inputs) != 1:
                raise DataError(
                    f"{where} is one array, but the model has inputs {names}; give a dict of arrays by "
                    "these names."
                )
            return dict.fromkeys(self._inputs, data)
        if data.keys() != self._inputs.keys():
            found = ", ".join(repr(name) for name in data)
            raise DataError(f"{where} has arrays {found}; expected one for each input of the model: {names}.")
        return data

    def _fit(self, array: np.ndarray, wanted: Input, place: str) -> np.ndarray:
        """One sample of one input: [...] -> the input's shape and type."""
        if not isinstance(array, np.ndarray | np.generic):
            raise DataError(f"{place} must be a NumPy array, found {type(array).__name__}.")
        shape = wanted.shape[1:]
        if array.ndim == len(shape) + 1 and array.shape[0] == 1:
            array = array[0]
        if array.dtype == np.uint8:
            array = _channels_first(array, shape)
        if array.shape != shape:
            raise DataError(
                f"{place} must have shape {list(shape)}, as the model has, found {list(array.shape)}."
            )
        array = self._convert(array, wanted, place)
        if array.dtype in FLOATS and not np.isfinite(array).all():
            found = "NaN" if np.isnan(array).any() else "Inf"
            raise DataError(
                f"{place} holds {found}. Calibration needs finite values; drop the sample or repair it."
            )
        return array

    def _convert(self, array: np.ndarray, wanted: Input, place: str) -> np.ndarray:
        found, expected = array.dtype, wanted.dtype
        if found == expected:
            return array
        if expected not in FLOATS:
            if np.can_cast(found, expected):
                return array.astype(expected)
            raise DataError(f"{place} must be {NAMES[expected]}, as the model has, found {found}.")
        if found == np.uint8:
            if self._preprocessing is None:
                raise DataError(
                    f"{place} holds uint8 pixels, and the model does not say how they become floats. "
                    "Give --mean and --std of (pixel / 255 - mean) / std, or float32 data."
                )
            return self._preprocessing(array).astype(expected, copy=False)
        if found in (np.float32, np.float64):
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is reported as that
                return array.astype(expected)
        raise DataError(f"{place} must be float32 or float64, or uint8 pixels, found {found}.")


def check_inputs(graph: Graph) -> None:
    """Raises DataError for a model without an input."""
    if not graph.inputs:
        raise DataError(f"model {graph.name!r} has no input, so no data fits it.")


def check_loader(loader: object) -> None:
    """Raises DataError for what is no DataLoader."""
    if not isinstance(loader, DataLoader):
        raise DataError(
            f"the data must be a DataLoader, as open_data gives it for a path, found {shown(loader)}."
        )


def _channels_first(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """HxW or HxWxC -> CxHxW, if that is what the model has; anything else unchanged."""
    if pixels.shape == shape or len(shape) != 3:
        return pixels
    if pixels.ndim == 2:
        return pixels[None]
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 and pixels.shape[2] == shape[0] else pixels
