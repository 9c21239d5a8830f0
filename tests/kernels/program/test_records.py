"""A layer that is written as a record of numbers is the same layer when compiled code has read it."""

from typing import Any

import numpy as np
import pytest

from numpot.kernels.program import step
from numpot.kernels.program.records import GIVEN, PAIR, Layout, Table
from numpot.kernels.program.step import PARTS, STEP

#: Every description, the compiled function that reads it, and what it is given besides the record.
WHOLE = {
    "layer": (step.DENSE, step.read_dense_for_amx, (np.int8,)),
    "depthwise layer": (step.DEPTHWISE, step.read_depthwise, (np.int8,)),
    "epilogue": (step.EPILOGUE, step.read_epilogue, ()),
    "residual": (step.RESIDUAL, step.read_residual, (np.arange(5, dtype=np.uint8),)),
    "affine": (step.AFFINE, step.read_affine, ()),
    "window": (step.WINDOW, step.read_window, ()),
    "rows": (step.TAPS, step.read_taps, ()),
}


def example(layout: Layout, rng: np.random.Generator, given: Any) -> Any:
    """A NamedTuple of other numbers in every field; arrays that share a size have the same."""
    sizes: dict[str, int] = {}
    values = []
    for how in layout.fields.values():
        if isinstance(how, Table):
            shape = [sizes.setdefault(name, int(rng.integers(1, 7))) for name in how.sizes]
            values.append(rng.integers(0, 100, shape).astype(how.dtype or np.int8))
        elif isinstance(how, Layout):
            values.append(example(how, rng, given))
        elif how == PAIR:
            values.append(tuple(rng.integers(0, 1000, 2).tolist()))
        elif how is GIVEN:
            values.append(given)
        else:
            values.append(how(rng.integers(0, 2 if how is bool else 1000)))
    return layout.kind(*values)


def check_same(found: Any, expected: Any) -> None:
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, tuple):
        assert type(found) is type(expected)
        for field, value in zip(found, expected, strict=True):
            check_same(field, value)
    else:
        assert found == expected and isinstance(found, bool) == isinstance(expected, bool)


def written(layout: Layout, values: Any, kept: list[np.ndarray]) -> np.ndarray:
    """() of the layout's dtype. kept: gets the arrays that it points to."""

    def keep(_: str, array: np.ndarray) -> int:
        kept.append(array)
        return array.ctypes.data

    record = np.zeros((), layout.dtype)
    layout.write(record, values, keep)
    return record


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_written_is_read(name: str) -> None:
    layout, read, given = WHOLE[name]
    kept: list[np.ndarray] = []
    values = example(layout, np.random.default_rng(0), given[0] if given else None)
    check_same(read(written(layout, values, kept)[()], *given), values)
    assert len(kept) > 0 or name == "window"


def test_every_part_of_a_step_is_read_by_someone() -> None:
    """Shapes are read field by field; what a layer consists of is read with the layer."""
    of_layers = {field for layout in (step.DENSE, step.DEPTHWISE) for field in layout.fields.values()}
    read = {layout for layout, *_ in WHOLE.values()} | of_layers | {step.SHAPE}
    assert read >= set(PARTS.values())
    assert set(STEP.names or ()) >= {*step.DENSE.stored, *step.DEPTHWISE.stored, *PARTS}


def test_arrays_that_do_not_fit_the_description_are_not_written() -> None:
    indices, weights = np.zeros((3, 2), np.int64), np.ones((3, 2), np.float32)
    for wrong in (
        {"indices": indices, "weights": weights[:2]},  # another number of outputs
        {"indices": indices.astype(np.int32), "weights": weights},
        {"indices": np.asfortranarray(indices), "weights": weights},
    ):
        with pytest.raises(AssertionError):
            written(step.TAPS, wrong, [])
    with pytest.raises(KeyError):
        written(step.TAPS, {"index": indices}, [])
