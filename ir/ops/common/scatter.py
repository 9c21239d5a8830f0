"""What becomes of elements that several updates are scattered to."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

REDUCE: Final[dict[str, Callable[..., Any]]] = {
    "sum": np.add.at,
    "sub": np.subtract.at,
    "prod": np.multiply.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
}


def scatter(y: np.ndarray, places: tuple[np.ndarray, ...], updates: np.ndarray, reduction: str) -> None:
    """Change the elements of y at `places`: "none" leaves the last update there, others reduce all of them
    with what was there before.
    """
    if reduction == "none":
        y[places] = updates  # one after the other: of several the last one stays
    else:
        REDUCE[reduction](y, places, updates)
