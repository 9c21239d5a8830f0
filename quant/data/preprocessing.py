"""How pixels become the numbers a model was trained on: float = (pixel / 255 - mean) / std."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from numpot.ir.arguments import shown
from numpot.ir.graph import Graph

from ..errors import DataError


@dataclass(frozen=True)
class Preprocessing:
    """mean, std: (1,) for all channels or (channels,), in units of pixel / 255. Raises DataError for values
    without meaning.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, given in (("mean", self.mean), ("std", self.std)):
            try:
                values = _numbers(given if np.ndim(given) else (given,))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                raise DataError(
                    f"preprocessing: {name} must be a number, or one per channel, found {shown(given)}."
                ) from None
            object.__setattr__(self, name, values)
            if not values or not all(math.isfinite(v) for v in values):
                raise DataError(
                    f"preprocessing: {name} must be one finite number or one per channel, found "
                    f"{list(values)}."
                )
        if min(self.std) <= 0:
            raise DataError(f"preprocessing: std must be positive, found {list(self.std)}.")

    @classmethod
    def recorded(cls, graph: Graph) -> "Preprocessing | None":
        """What the model says of itself in `graph.info["preprocessing"]`, or None."""
        record = graph.info.get("preprocessing")
        if record is None:
            return None
        try:
            return cls(_numbers(record["mean"]), _numbers(record["std"]))  # type: ignore[index]
        except (TypeError, KeyError, ValueError):
            raise DataError(
                f"model {graph.name!r}: preprocessing must be lists of numbers 'mean' and 'std', found "
                f"{record!r}."
            ) from None

    def record(self) -> dict[str, list[float]]:
        """The form kept in `graph.info["preprocessing"]`."""
        return {"mean": list(self.mean), "std": list(self.std)}

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [C, ...] -> float32 [C, ...], every step in float32 as training frameworks compute it."""
        mean, std = _per_channel("mean", self.mean, pixels), _per_channel("std", self.std, pixels)
        return (pixels.astype(np.float32) / np.float32(255) - mean) / std


def _numbers(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _per_channel(name: str, values: tuple[float, ...], pixels: np.ndarray) -> np.ndarray:
    """float32, shaped to broadcast along the first axis of `pixels`."""
    if len(values) == 1:
        return np.array(values[0], np.float32)
    if pixels.shape[:1] != (len(values),):
        raise DataError(
            f"preprocessing: {name} has {len(values)} values, one per channel, but one sample has shape "
            f"{list(pixels.shape)}."
        )
    return np.array(values, np.float32).reshape(-1, *[1] * (pixels.ndim - 1))
