"""Opening a source by its name, subsets and batches."""

import random
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from numpot.ir.dtypes import F32
from numpot.ir.graph import Graph
from numpot.ir.ops.parameter import Parameter
from numpot.ir.ops.result import Result
from numpot.quant.data.loader import DataLoader
from numpot.quant.data.sources import batches, open_data, subset
from numpot.quant.errors import DataError


def model(**shapes: tuple[int, ...]) -> Graph:
    graph = Graph("model")
    for name, shape in shapes.items():
        graph.add(Result(), [graph.add(Parameter(element_type=F32, shape=shape), name=name).output])
    return graph


class Memory(DataLoader):
    """Samples from a list; `read` remembers which were asked for."""

    def __init__(self, samples: list[object]) -> None:
        self.samples = samples
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int):
        self.read.append(index)
        return self.samples[index]


def numbered(count: int, labels: bool = True) -> Memory:
    return Memory([(np.full(3, i, np.float32), i if labels else None) for i in range(count)])


VECTOR = model(x=(-1, 3))


# ---- subset ------------------------------------------------------------------------------------------------


def test_subset_takes_the_first_samples():
    assert [label for _, label in subset(numbered(5), 3)] == [0, 1, 2]


def test_subset_larger_than_the_data_is_all_of_it():
    assert len(subset(numbered(5), 300)) == 5
    assert sorted(label for _, label in subset(numbered(5), 300, shuffle=True)) == [0, 1, 2, 3, 4]


def test_shuffled_subset_is_the_one_pot_draws():
    random.seed(7)
    expected = random.sample(range(100), 10)
    state = random.getstate()
    assert [label for _, label in subset(numbered(100), 10, shuffle=True, seed=7)] == expected
    assert random.getstate() == state, "the program's own random numbers must not be disturbed"


def test_a_subset_names_samples_by_their_place_in_the_source():
    data = numbered(20)
    data.samples[17] = (np.array([0, np.nan, 0], np.float32), 17)
    drawn = subset(data, 20, shuffle=True)
    with pytest.raises(DataError, match="^Memory: sample 17 of input 'x' holds NaN"):
        list(batches(drawn, VECTOR, 4))


# ---- batches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_hold_the_samples_in_order_whatever_their_size(batch_size):
    got = list(batches(numbered(7), VECTOR, batch_size))
    assert [len(b.indices) for b in got[:-1]] == [batch_size] * (len(got) - 1)
    np.testing.assert_array_equal(
        np.concatenate([b.inputs["x"] for b in got]),
        np.repeat(np.arange(7, dtype=np.float32), 3).reshape(7, 3),
    )
    assert [i for b in got for i in b.indices] == list(range(7))
    assert np.concatenate([b.labels for b in got]).tolist() == list(range(7))
    assert all(b.inputs["x"].dtype == np.float32 and b.labels.dtype == np.int64 for b in got)


def test_batches_read_only_what_is_asked_for():
    data = numbered(100)
    stream = batches(data, VECTOR, 4, limit=10)
    assert isinstance(stream, Iterator)
    assert set(data.read) == {0}, "one sample is looked at, to check the data"
    next(stream)
    assert set(data.read) == {0, 1, 2, 3}
    assert [len(b.indices) for b in stream] == [4, 2]
    assert max(data.read) == 9


def test_data_that_does_not_fit_is_refused_before_the_first_batch_is_asked_for():
    with pytest.raises(DataError, match=r"must have shape \[4\], as the model has, found \[3\]"):
        batches(numbered(5), model(x=(-1, 4)), 2)


def test_labels_of_any_kind_stay_a_list_and_none_stays_none():
    boxes = Memory([(np.zeros(3, np.float32), {"box": i}) for i in range(3)])
    assert [b.labels for b in batches(boxes, VECTOR, 2)] == [[{"box": 0}, {"box": 1}], [{"box": 2}]]
    assert [b.labels for b in batches(numbered(3, labels=False), VECTOR, 2)] == [None, None]


def test_a_missing_label_among_others_is_named():
    data = numbered(4)
    data.samples[2] = (data.samples[2][0], None)
    with pytest.raises(
        DataError, match="^Memory: sample 2 has no label, and others have. Label all samples, or none.$"
    ):
        list(batches(data, VECTOR, 4))


def test_a_fixed_batch_decides_the_batch_size():
    assert [len(b.indices) for b in batches(numbered(3), model(x=(1, 3)), 32)] == [1, 1, 1]
    assert [len(b.indices) for b in batches(numbered(8), model(x=(4, 3)), 32)] == [4, 4]


def test_a_fixed_batch_that_samples_do_not_fill():
    with pytest.raises(DataError) as error:
        batches(numbered(10), model(x=(4, 3)), 32)
    assert str(error.value) == (
        "Memory: the model's batch is fixed at 4, and 10 samples cannot be divided into whole batches. "
        "Use a multiple of 4, or a model with a dynamic batch."
    )
    assert len(list(batches(numbered(10), model(x=(4, 3)), 32, limit=8))) == 2


def test_inputs_that_disagree_about_the_batch():
    data = Memory([({"a": np.zeros(3, np.float32), "b": np.zeros(3, np.float32)}, None)])
    with pytest.raises(
        DataError, match="must have one batch size, their first dimension, found 'a': 2, 'b': 4"
    ):
        batches(data, model(a=(2, 3), b=(4, 3)), 1)
    (batch,) = batches(data, model(a=(1, 3), b=(-1, 3)), 8)
    assert {name: array.shape for name, array in batch.inputs.items()} == {"a": (1, 3), "b": (1, 3)}


def test_an_input_without_a_batch_dimension():
    with pytest.raises(
        DataError,
        match="input 't' of the model is a single number; samples need a first dimension, the batch",
    ):
        batches(numbered(1), model(x=(-1, 3), t=()), 1)


# ---- open_data ---------------------------------------------------------------------------------------------


def test_a_name_that_is_nothing(tmp_path):
    with pytest.raises(DataError) as error:
        open_data("absent.npz", VECTOR)
    assert str(error.value) == (
        "absent.npz: no such file or folder. Data is an .npz file, a folder of pictures or IDX files, "
        "or module:Class."
    )


def test_modules_are_light():
    """`numpot --help` imports these: neither the compiler nor pictures nor bars may come with them."""
    modules = (
        "numpot.quant.data.sources, numpot.quant.metrics.classification, "
        "numpot.quant.parallel.progress, numpot.quant"
    )
    check = f"import sys, {modules}; print(*sorted({{'numba', 'PIL', 'rich', 'lxml'}} & set(sys.modules)))"
    assert (
        subprocess.run(
            [sys.executable, "-c", check], capture_output=True, text=True, check=True
        ).stdout.split()
        == []
    )


def test_the_package_exports_functions_not_the_modules_of_their_name():
    check = (
        "import numpot.quant.metrics.evaluate; from numpot.quant import Accuracy, DataLoader, "
        "Metric, evaluate; print(callable(evaluate))"
    )
    assert (
        subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout
        == "True\n"
    )
