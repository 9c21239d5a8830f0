"""Statistics on disk: what is reused, what is refused, and that a killed run ends as if nothing
had happened.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgpack
import numpy as np
import pytest

from numpot.ir.executor.executor import Executor
from numpot.ir.formats.native.model import write_model
from numpot.ir.graph import Graph
from numpot.quant.data.loader import DataLoader
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import QuantizationError
from numpot.quant.findings.layer_noise import MOST_SAMPLES
from numpot.quant.statistics import cache as statistics_cache
from numpot.quant.statistics.cache import FILE_NAME, LOCK_NAME, open_cache

from ...networks import Network
from ..data.array_data import ArrayData, normal

X = normal(30, 3, 8, 8)


def network(seed: int = 0) -> Graph:
    """With a pair of layers to align and a depthwise convolution."""
    net = Network(seed=seed)
    x = net.relu6(net.conv(net.input(-1, 3, 8, 8), 8, 3, stride=2, pad=1, name="stem"))
    y = net.relu6(net.depthwise(net.conv(net.conv(x, 6, name="squeeze"), 16, name="expand"), name="filter"))
    return net.result(net.matmul(net.mean(y), 5, name="head"))


def bytes_of(graph: Graph, folder: Path) -> tuple[bytes, bytes]:
    write_model(graph, folder / "model.xml")
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()


class Counted(Executor):
    """Counts the samples that calibration ran on, in `samples`, and those of the look at the result, in
    `looked_at`.
    """

    samples = looked_at = 0

    def __init__(self, graph, *, arithmetic="exact", **options):
        super().__init__(graph, arithmetic=arithmetic, **options)
        self.calibrates = arithmetic != "simulated"

    def run(self, inputs, **options):
        if self.calibrates:
            Counted.samples += len(inputs["x"])
        else:
            Counted.looked_at += len(inputs["x"])
        return super().run(inputs, **options)


@pytest.fixture
def ran(monkeypatch):
    """How many samples calibration ran on since it was last asked."""
    monkeypatch.setattr("numpot.ir.executor.executor.Executor", Counted)

    def samples() -> int:
        count, Counted.samples = Counted.samples, 0
        return count

    samples()
    return samples


# ---- reuse -------------------------------------------------------------------------------------------------


def test_a_second_run_runs_nothing_and_gives_the_same_model(tmp_path, ran):
    looked_at = Counted.looked_at
    plain = bytes_of(quantize(network(), ArrayData(X)), tmp_path)
    assert ran() == len(X)
    first = bytes_of(quantize(network(), ArrayData(X), statistics_cache=tmp_path / "state"), tmp_path)
    assert ran() == len(X)
    second = bytes_of(
        quantize(network(), ArrayData(X), statistics_cache=tmp_path / "state", stat_batch_size=3), tmp_path
    )
    # which is not kept, and as much in every run
    assert ran() == 0 and Counted.looked_at == looked_at + 3 * 2 * MOST_SAMPLES
    assert plain == first
    assert second[1] == first[1]  # the .xml tells the batch size


def test_another_preset_reuses_what_it_can(tmp_path, ran):
    quantize(network(), ArrayData(X), statistics_cache=tmp_path / "state")
    ran()
    mixed = quantize(network(), ArrayData(X), preset="mixed", statistics_cache=tmp_path / "state")
    assert ran() == len(X)  # aligning is done, and new statistics are needed for ranges
    assert bytes_of(mixed, tmp_path) == bytes_of(quantize(network(), ArrayData(X), preset="mixed"), tmp_path)
    ran()
    for preset in ("performance", "mixed", "accuracy"):  # all kept; accuracy has the activations of mixed
        quantize(network(), ArrayData(X), preset=preset, statistics_cache=tmp_path / "state")
    assert ran() == 0


@pytest.mark.parametrize(("estimator", "passes"), [("default", 1), ("quantile", 2)])
def test_a_run_that_stops_goes_on_where_it_was(estimator, passes, tmp_path, monkeypatch, ran):
    """By an exception, at every third batch of every pass; each has 8."""
    monkeypatch.setattr(statistics_cache, "SECONDS_BETWEEN_SAVES", 0.0)
    expected = bytes_of(
        quantize(network(), ArrayData(X), range_estimator=estimator, stat_batch_size=4), tmp_path
    )
    ran()

    batches = 0

    def stopping(self, inputs, **options):
        nonlocal batches
        batches += self.calibrates
        result = Counted.run(self, inputs, **options)
        if batches % 3 == 0 and self.calibrates:
            raise InterruptedError
        return result

    monkeypatch.setattr(
        "numpot.ir.executor.executor.Executor", type("Stopping", (Counted,), {"run": stopping})
    )
    stops = 0
    while True:
        try:
            found = quantize(
                network(),
                ArrayData(X),
                range_estimator=estimator,
                stat_batch_size=4,
                statistics_cache=tmp_path / "state",
            )
            break
        except InterruptedError:
            stops += 1
    # and the batch that was lost each time
    assert stops == {1: 3, 2: 7}[passes] and ran() == passes * len(X) + 4 * stops
    assert bytes_of(found, tmp_path) == expected


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path) -> Path:
    quantize(network(), ArrayData(X), statistics_cache=tmp_path / "state")
    return tmp_path / "state" / FILE_NAME


def refusal(graph: Graph, data: DataLoader, state: Path, **options) -> str:
    before = state.read_bytes()
    with pytest.raises(QuantizationError) as caught:
        quantize(graph, data, statistics_cache=state.parent, **options)
    assert state.read_bytes() == before
    return str(caught.value)


def test_statistics_of_something_else_are_refused_by_field(state):
    assert "'model_sha256' is" in refusal(network(seed=1), ArrayData(X), state)
    assert "'samples' is 30, expected 20" in refusal(network(), ArrayData(X), state, stat_subset_size=20)
    message = refusal(network(), ArrayData(X[::-1]), state)
    assert (
        "'data_sha256' is" in message
        and "or in another order. Name another folder, or delete the file" in message
    )


def test_another_version_is_refused(state, monkeypatch):
    monkeypatch.setattr(statistics_cache, "ALGORITHM_VERSION", 7)
    assert "'algorithm_version' is 1, expected 7: another version of numpot wrote it" in refusal(
        network(), ArrayData(X), state
    )


def test_every_cut_and_every_flipped_byte_is_found(state):
    data = state.read_bytes()
    header = ("0" * 64, 30, "0" * 64)
    for damaged in (
        *(data[:n] for n in range(0, len(data), 97)),
        *(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(0, len(data), 97)),
        data + b"\0",
    ):
        state.write_bytes(damaged)
        with (
            pytest.raises(QuantizationError, match="'sha256' does not fit"),
            open_cache(state.parent, *header),
        ):
            pytest.fail("it was opened")


def test_what_is_whole_but_makes_no_sense_is_refused(state):
    """The checksum is right, so somebody wrote it so."""
    import hashlib

    body = msgpack.unpackb(state.read_bytes()[:-32])

    def written(content: bytes) -> str:
        state.write_bytes(content + hashlib.sha256(content).digest())
        return refusal(network(), ArrayData(X), state)

    name = next(name for p in body["passes"].values() for name in p if name.startswith("x | abs_max"))
    known = next(p for p in body["passes"].values() if name in p)
    good = known[name]
    for bad in (
        {},
        {"count": -1},
        {"count": 30},
        good | {"limbs": {**good["limbs"], "shape": [2**40, 3]}},
        good | {"limbs": 5},
    ):
        known[name] = bad
        assert f"'passes' is damaged at {name!r}" in written(msgpack.packb(body))
    assert "'passes' is damaged. Delete the file" in written(msgpack.packb(body | {"passes": [1]}))
    assert "'magic' is missing" in written(msgpack.packb([1, 2]))
    assert "is not a statistics file" in written(b"\xc1")


def test_a_folder_in_use_or_none_at_all_is_refused(state, tmp_path):
    with (
        open_cache(tmp_path / "other", "", 1, ""),
        pytest.raises(QuantizationError, match="is in use by another process"),
    ):
        quantize(network(), ArrayData(X), statistics_cache=tmp_path / "other")
    with pytest.raises(QuantizationError, match="cannot be used as a folder"):
        quantize(network(), ArrayData(X), statistics_cache=tmp_path / "no" / "where")
    with pytest.raises(QuantizationError, match="cannot be used as a folder"):
        quantize(network(), ArrayData(X), statistics_cache=state)


# ---- killed ------------------------------------------------------------------------------------------------

SERVER = """
import os, sys, time
from pathlib import Path
from numpot.ir import read_model, save_model
from numpot.ir.executor.executor import Executor
from numpot.quant.statistics import cache as statistics_cache
from numpot.quant.default_quantization import quantize
from numpot.quant.data.npz import NpzData

def job(folder, pause):
    statistics_cache.SECONDS_BETWEEN_SAVES = 0.0
    run = Executor.run
    def slow(self, *arguments, **options):
        time.sleep(pause)
        return run(self, *arguments, **options)
    Executor.run = slow
    graph = read_model(folder + "/float.xml")
    data = NpzData(Path(folder + "/data.npz"), graph)
    state = folder + "/state"
    int8 = quantize(graph, data, stat_batch_size=1, range_estimator="auto", statistics_cache=state)
    save_model(int8, folder + "/int8.xml")

for line in sys.stdin:
    pid = os.fork()
    if not pid:
        job(sys.argv[1], float(line))
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def survives(folder: Path, kills: int, pause: float) -> None:
    """A run is killed so many times, wherever it happens to be, and then left alone.

    Runs are forked from one process that has imported everything, because importing takes longer than the
    run.
    """
    write_model(network(), folder / "float.xml")
    np.savez(folder / "data.npz", x=X)
    expected = quantize(network(), ArrayData(X), stat_batch_size=1, range_estimator="auto")
    rng = random.Random(0)
    command = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None

        def start(pause: float) -> int:
            print(pause, file=server.stdin, flush=True)
            return int(server.stdout.readline())

        for _ in range(kills):
            pid = start(pause)
            time.sleep(rng.uniform(0, 1))
            # it may have ended by itself: what the killed ones left makes it short
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            assert int(server.stdout.readline()) in (signal.SIGKILL, 0)
        start(0)
        assert int(server.stdout.readline()) == 0
        server.stdin.close()
    write_model(expected, folder / "int8_at_once.xml")
    found, at_once = ((folder / f"{name}.bin").read_bytes() for name in ("int8", "int8_at_once"))
    assert found == at_once
    assert {path.name for path in (folder / "state").iterdir()} == {FILE_NAME, LOCK_NAME}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_killed_three_times_ends_with_the_same_bytes(tmp_path):
    survives(tmp_path, 3, 0.02)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_killed_twenty_times_ends_with_the_same_bytes(tmp_path):
    survives(tmp_path, 20, 0.02)
