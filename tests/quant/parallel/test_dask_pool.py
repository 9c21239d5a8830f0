"""Work shared among Dask workers: the same bits as alone, models sent once, a worker that dies costs its
piece, and clear refusals.
"""

import contextlib
import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from numpot.ir.errors import MissingExtraError
from numpot.quant.data.fingerprints import data_digest
from numpot.quant.data.loader import DataLoader
from numpot.quant.data.sources import open_data
from numpot.quant.default_quantization import quantize
from numpot.quant.errors import DataError
from numpot.quant.metrics.classification import Accuracy
from numpot.quant.metrics.confusion import F1
from numpot.quant.metrics.evaluate import evaluate
from numpot.quant.metrics.metric import Metric
from numpot.quant.metrics.partial_metric import merges
from numpot.quant.metrics.reference import Sqnr
from numpot.quant.parallel import dask_pool as distributed
from numpot.quant.parallel.dask_pool import ClusterError, open_pool
from numpot.quant.parallel.pool import pieces
from numpot.quant.statistics import cache as statistics_cache

from ..accuracy_aware.accuracy_models import DATA, FEW_BITS, GRAPH, LABELS, X, bytes_of, run
from ..cli.command_line import invoke as numpot


@pytest.fixture(scope="module")
def pool():
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    with open_pool(workers=2) as opened:
        yield opened


class Many(DataLoader):
    """600 labelled samples, so that an evaluation has several pieces."""

    def __len__(self):
        return 600

    def __getitem__(self, index):
        return X[index % len(X)] * np.float32(1 + index // len(X) / 10), int(LABELS[index % len(X)])


class Deviation(Metric):
    """Does not merge, so outputs travel; what it gives depends on the order of the samples."""

    name = "deviation"

    def reset(self):
        self.value = 0.0

    def update(self, outputs, labels):
        for row, label in zip(next(iter(outputs.values())), labels, strict=True):
            self.value = 0.9 * self.value + float(row[label])

    value = 0.0


# ---- the same bits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"preset": "best", "use_fast_bias": False}])
def test_default_quantization(pool, tmp_path, options):
    assert bytes_of(quantize(GRAPH, DATA, pool=pool, **options), tmp_path) == bytes_of(
        quantize(GRAPH, DATA, **options), tmp_path
    )


@pytest.mark.parametrize(
    "options",
    [
        {"metric": Accuracy(), "drop": 0.05},
        {"metric": Deviation(), "data": Many(), "max_iter_num": 2},
        {"rank_by": "sqnr"},
    ],
)
def test_accuracy_aware(pool, tmp_path, options):
    alone, shared = run(**options), run(**options, pool=pool)
    assert alone.report.partial and bytes_of(shared.model, tmp_path) == bytes_of(alone.model, tmp_path)
    assert shared.report.record()["visited"] == alone.report.record()["visited"]


@pytest.mark.parametrize("metric", [Accuracy, F1, Sqnr, Deviation])
def test_evaluation(pool, metric):
    int8 = quantize(GRAPH, DATA, **FEW_BITS)
    alone, shared = (evaluate(int8, Many(), metric(), reference=GRAPH, pool=p) for p in (None, pool))
    assert shared.value == alone.value and shared.samples == 600


class Stops(DataLoader):
    """Cannot read a sample as long as `file` is there; reads it once for the check of all samples at the
    start.
    """

    def __init__(self, file):
        self._file = file

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        if index == 41 and self._file.exists():
            raise DataError("stop")
        return X[index], None


@pytest.mark.parametrize("first_alone", [True, False])
def test_a_pool_goes_on_where_another_stopped(pool, tmp_path, monkeypatch, first_alone):
    monkeypatch.setattr(statistics_cache, "SECONDS_BETWEEN_SAVES", 0)
    stop = tmp_path / "stop"

    def start_then_stop(samples):
        digest = data_digest(samples)  # reads all samples, of which calibration will not get the last ones
        stop.touch()
        return digest

    monkeypatch.setattr("numpot.quant.default_quantization.data_digest", start_then_stop)
    loader, options = Stops(stop), {"statistics_cache": tmp_path / "cache", "align_channels": False}
    with pytest.raises(DataError, match="stop"):
        quantize(GRAPH, loader, pool=None if first_alone else pool, **options)
    monkeypatch.undo()
    stop.unlink()
    resumed = quantize(GRAPH, loader, pool=pool if first_alone else None, preset="mixed", **options)
    assert bytes_of(resumed, tmp_path) == bytes_of(
        quantize(GRAPH, loader, preset="mixed", align_channels=False), tmp_path
    )


# ---- what travels ------------------------------------------------------------------------------------------


def arrivals(pool):
    """How often each parcel came to a worker: computed there, from what the scheduler sent, or from another
    worker.
    """
    received = Counter()
    log = pool._client.run(lambda dask_worker: [(set(e["keys"])) for e in dask_worker.transfer_incoming_log])
    for worker, transfers in log.items():
        received.update((worker, key) for keys in transfers for key in keys if key.startswith("numpot-"))
    return received


def test_models_travel_once_to_each_worker(pool):
    before, known = arrivals(pool), set(pool._shared)
    report = run(drop=0.02, pool=pool, ranking_subset_size=37).report
    assert report.partial > 4 and report.full > 3  # many pieces, for each of which the models are needed
    new = arrivals(pool) - before
    sent = set(pool._shared) - known
    # nothing is sent if another test has sent the same models
    assert pool._shared and set(new.values()) <= {1}
    # one worker gets it from the scheduler, each other one, if it works on such a piece, from a worker
    for key in sent:
        assert sum(1 for _, arrived in new if arrived == key) <= 1


def test_data_is_opened_by_the_worker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=X, y=LABELS)
    data = open_data("data.npz", GRAPH)
    packed = pickle.dumps(data)
    monkeypatch.chdir("/")
    assert len(packed) < 1000 < X.nbytes
    again = pickle.loads(packed)
    assert (
        len(again) == len(X)
        and np.array_equal(again[7][0]["x"], data[7][0]["x"])
        and again[7][1] == LABELS[7]
    )


def test_pieces_are_whole_batches():
    assert pieces(8, 30, 16, 5) == [range(8, 23), range(23, 30)]
    assert pieces(0, 9, 2, 4) == [range(4), range(4, 8), range(8, 9)]


def test_a_merge_that_knows_less_than_the_update_is_not_used():
    class Other(Accuracy):
        def update(self, outputs, labels):
            self.more = 1

    assert merges(Accuracy()) and merges(F1()) and not merges(Deviation()) and not merges(Other())


# ---- a worker that dies ------------------------------------------------------------------------------------


class Deadly(Many):
    """The first worker that reads sample 300 is killed."""

    def __init__(self, folder):
        self._folder, self._home = folder, os.getpid()

    def __getitem__(self, index):
        if index == 300 and os.getpid() != self._home and not (self._folder / "killed").exists():
            (self._folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_worker_costs_its_piece_only(pool, tmp_path):
    int8 = quantize(GRAPH, DATA, **FEW_BITS)
    shared = evaluate(int8, Deadly(tmp_path), Deviation(), pool=pool)
    assert (tmp_path / "killed").exists() and shared.value == evaluate(int8, Many(), Deviation()).value


class Fatal(Many):
    """No worker survives sample 300."""

    def __getitem__(self, index):
        if index == 300:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_piece_that_ends_every_worker_is_given_up():
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    with (
        pytest.raises(ClusterError, match="a piece of work has ended every worker that tried it"),
        open_pool(workers=1) as pool,
    ):
        evaluate(GRAPH, Fatal(), Accuracy(), pool=pool)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_workers_killed_during_a_search(tmp_path):
    """At any time, by somebody else; with one worker at a time all that was shared is lost with it, and sent
    again.
    """
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    expected = bytes_of(run(drop=0.02, data=Many()).model, tmp_path)
    with open_pool(workers=1) as pool:
        timers = [threading.Timer(delay, _kill_workers, [pool]) for delay in (0.2, 6)]
        for timer in timers:
            timer.start()
        found = set()
        # however fast a search is, both come during one
        while not all(timer.finished.is_set() for timer in timers):
            found.add(bytes_of(run(drop=0.02, data=Many(), pool=pool).model, tmp_path))
    assert found == {expected}


def _kill_workers(pool):
    for pid in pool.run_everywhere(os.getpid):
        os.kill(pid, signal.SIGKILL)


# ---- Ctrl-C, and workers that never begin ------------------------------------------------------------------


def handler_of_interrupts():
    return signal.getsignal(signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere processes do not inherit it")
def test_workers_leave_ctrl_c_to_the_process_that_started_them(pool):
    """Also one that takes the place of another."""

    def both(without=()):
        found = set()
        while len(found) < 2:  # Dask starts one in the place of one that was killed
            with contextlib.suppress(OSError):  # that one does not answer
                found = set(pool.run_everywhere(os.getpid)) - set(without)
            time.sleep(0.05)
        return found

    killed = min(both())
    os.kill(killed, signal.SIGKILL)
    both(without=[killed])
    assert pool.run_everywhere(handler_of_interrupts) == [signal.SIG_IGN] * 2
    assert handler_of_interrupts() is signal.default_int_handler


INTERRUPTED_START = """
import os, signal, sys, time
import distributed
from numpot.quant import open_pool

class Slow:
    scheduler_address = "tcp://127.0.0.1:1"

    def __init__(self, **options):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        print("started")
        if sys.argv[1] == "fails":
            raise RuntimeError("Nanny failed to start.")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        print("ended")

distributed.LocalCluster = Slow
try:
    with open_pool(workers=2):
        print("the interrupt was lost")
except KeyboardInterrupt:
    print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("outcome", "said"),
    [("works", ["started", "ended", "interrupted True"]), ("fails", ["started", "interrupted True"])],
)
def test_an_interrupt_while_workers_start_comes_when_they_can_be_ended(outcome, said):
    """In a process of its own: where tests run in parallel, theirs has signals for other things."""
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    command = [sys.executable, "-c", INTERRUPTED_START, outcome]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout.splitlines(), done.returncode) == (said, 0), done.stderr


BEGUN = "from numpot.quant.cli import main; print('begun', flush=True); main()"


def processes_of(session):
    """(number, command line) of all that have not ended."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, of, *_ = (path / "stat").read_text().rpartition(")")[2].split()
                if int(of) == session and state != "Z":
                    yield int(path.name), (path / "cmdline").read_text()


def started(tmp_path):
    """numpot with two workers, in a session of its own as in a terminal, which has begun to run."""
    from numpot.ir.formats.native.model import write_model

    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    write_model(GRAPH, tmp_path / "net.xml")
    np.savez(tmp_path / "data.npz", x=np.tile(X, (300, 1, 1, 1)), y=np.tile(LABELS, 300))
    command = [sys.executable, "-c", BEGUN, "evaluate", "net.xml", "--data", "data.npz", "--workers", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=wants_interrupts, **pipes)
    assert process.stdout.readline() == "begun\n"
    return process


def wants_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def nobody_is_left(process):
    until = time.monotonic() + 20
    while left := list(processes_of(process.pid)):
        assert time.monotonic() < until, left
        time.sleep(0.1)
    return True


in_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


@pytest.mark.slow
@in_linux
@pytest.mark.parametrize("delay", [0, 0.1, 0.4, 0.8, 1.2, 1.6, 2.0])
def test_ctrl_c_at_any_moment_of_the_start_is_one_line(delay, tmp_path):
    process = started(tmp_path)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and said == "numpot: interrupted; nothing was written\n", (
        said
    )
    assert nobody_is_left(process)


@pytest.mark.slow
@in_linux
@pytest.mark.parametrize("delay", [0, 0.3, 0.6])
def test_a_worker_that_is_killed_while_it_starts(delay, tmp_path):
    process = started(tmp_path)
    while not (
        workers := [number for number, command in processes_of(process.pid) if "spawn_main" in command]
    ):
        time.sleep(0.01)
    time.sleep(delay)
    with contextlib.suppress(ProcessLookupError):
        os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    expected = (
        "numpot: 2 local workers could not be started (Nanny failed to start.). Run the same command again\n"
    )
    assert (process.returncode, said) == (2, expected) or (
        process.returncode == 0 and "Traceback" not in said
    ), said
    assert nobody_is_left(process)


# ---- refusals ----------------------------------------------------------------------------------------------


def refusal(error=ClusterError, **options):
    with pytest.raises(error) as caught, open_pool(**options):
        pass
    return str(caught.value)


def test_bad_input(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    monkeypatch.setattr(distributed, "CONNECT_SECONDS", 0.2)
    assert refusal(workers=0) == "workers must be a whole number from 1 to 1024, found 0"
    assert "give one of them" in refusal(workers=2, scheduler="tcp://127.0.0.1:1")
    assert refusal(scheduler="tcp://127.0.0.1:1").startswith(
        "scheduler tcp://127.0.0.1:1: cannot be reached ("
    )
    for address in ("nonsense", "tcp://", "tcp://127.0.0.1:99999", "127.0.0.1:22", "tcp://a b:1"):
        assert (
            refusal(scheduler=address)
            == f"scheduler {address}: cannot be reached (an address looks like tcp://host:8786)"
        )


@pytest.mark.parametrize("address", ["nonsense://x", "ucx://127.0.0.1:1", "inproc://x"])
def test_what_dask_cannot_reach_is_one_sentence_and_nothing_is_printed_later(address, capfd):
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    assert refusal(scheduler=address).startswith(f"scheduler {address}: cannot be reached (")
    gc.collect()  # what Dask makes of a client that never was
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP", None])
def test_whoever_else_listens_is_not_taken_for_a_scheduler(says, monkeypatch):
    """One that says nothing, too little or something else, or hangs up."""
    pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    monkeypatch.setattr(distributed, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                if says is not None:
                    connection.sendall(says)
                    connection.recv(1)  # until the other side hangs up

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert refusal(scheduler=address).startswith(
            f"scheduler {address}: what listens there does not answer as a Dask scheduler. "
        )
        thread.join()


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'numpot[distributed]'" in refusal(MissingExtraError, workers=2)


def test_a_worker_with_other_versions(pool, monkeypatch):
    mine = distributed.environment()
    monkeypatch.setattr(
        distributed, "environment", type("Cached", (), {"__call__": lambda self: mine | {"numpy": "1.0"}})()
    )
    with pytest.raises(
        ClusterError, match=r"worker \S+: has numpy \d\S+, expected 1.0 as here; results could differ"
    ):
        list(pool.map(str, ["x"], [1]))  # a worker that came later


def test_no_worker(monkeypatch):
    dask = pytest.importorskip("distributed", reason="needs the extra 'distributed'")
    with dask.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        assert (
            refusal(scheduler=address)
            == f"scheduler {address}: has no worker. Start some with `dask worker {address} --nthreads 1`"
        )


def test_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from numpot.ir.formats.native.model import write_model

    write_model(GRAPH, Path("net.xml"))
    np.savez("data.npz", x=X, y=LABELS)
    result = numpot("quantize", "net.xml", "--data", "data.npz", "-o", "out.xml", "--workers", "0")
    assert result.exit_code == 2 and "workers must be a whole number from 1 to 1024, found 0" in result.output
    result = numpot("evaluate", "net.xml", "--data", "data.npz", "--workers", "0")
    assert result.exit_code == 2
