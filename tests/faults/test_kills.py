"""Whatever ends a job that saves, SIGKILL at every act on a file or at any moment, or a full disk: the next
one ends with the same bytes.

NUMPOT_KILLS asks for more kills at random moments of each job than a few: by hand, 200 and more.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from numpot.ir import read_model, save_model
from numpot.ir.errors import NumpotError
from numpot.kernels.codegen.temporary_files import TEMPORARY_FILES

from .jobs import JOBS, old_model

KILLS = int(os.environ.get("NUMPOT_KILLS", "4"))
EVERY_ACT = ["quantize", "finetune", "onnx", "kernels"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork")]


class Jobs:
    """The process that runs jobs in a folder (jobs.py)."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.jobs", str(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process: Any = subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, **pipes)

    def start(self, job: str, **order: Any) -> int:
        print(json.dumps({"job": job, **order}), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def end(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def run(self, job: str, **order: Any) -> dict[str, Any]:
        self.start(job, **order)
        return self.end()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Bench:
    """A folder with a cache and an output, two processes that run jobs there, and what a job gives that
    nothing happens to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        save_model(old_model(), folder / "old.xml")
        self.first, self.second = Jobs(folder), Jobs(folder)
        self._expected: dict[str, tuple[dict[str, bytes], set[str], float, int]] = {}

    def afresh(self) -> None:
        """An empty cache, and an older model where the new one goes."""
        for name in ("cache", "out"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir()
        for suffix in (".xml", ".bin"):
            shutil.copy(self.folder / f"old{suffix}", self.folder / "out" / f"model{suffix}")

    def expected(self, job: str) -> tuple[dict[str, bytes], set[str], float, int]:
        """(files of the output, names in the cache, seconds, acts on files) of a job that is left alone."""
        if job not in self._expected:
            self.afresh()
            self.first.run(job)  # compiles what it needs
            self.afresh()
            start = time.monotonic()
            done = self.first.run(job)
            assert done["status"] == 0, done
            self._expected[job] = (self.output(), self.cached(), time.monotonic() - start, done["acts"])
        return self._expected[job]

    def output(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "out").iterdir()}

    def cached(self) -> set[str]:
        return {
            str(path.relative_to(self.folder))
            for path in (self.folder / "cache").rglob("*")
            if path.is_file()
        }

    def check_output_is_whole(self, job: str) -> None:
        """The old model, or the new one, or a refusal: never a mixture."""
        new = self.expected(job)[0]
        if "model.xml" not in new or job == "kernels":
            return
        with contextlib.suppress(NumpotError):
            read_model(self.folder / "out" / "model.xml")
            found, old = (
                self.output(),
                {f"model{s}": (self.folder / f"old{s}").read_bytes() for s in (".xml", ".bin")},
            )
            assert any(all(found[name] == which[name] for name in old) for which in (new, old))

    def check_resumes(self, job: str) -> None:
        """Left alone, it ends with the same bytes, and no temporary file is left."""
        output, cache, _, _ = self.expected(job)
        done = self.first.run(job)
        assert done["status"] == 0, done
        assert self.output() == output and self.cached() == cache
        assert not list(self.folder.rglob(TEMPORARY_FILES))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.first.close()
    made.second.close()


@pytest.mark.parametrize("job", EVERY_ACT)
def test_killed_before_every_act_on_a_file(bench: Bench, job: str) -> None:
    if job == "onnx":
        pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    acts, left = bench.expected(job)[3], 0
    assert acts >= 6
    for last in range(1, acts + 1):
        bench.afresh()
        assert bench.first.run(job, acts=last) == {"status": -signal.SIGKILL}
        left += bool(list(bench.folder.rglob(TEMPORARY_FILES)))
        bench.check_output_is_whole(job)
        bench.check_resumes(job)
    assert left  # or the kills would show nothing


@pytest.mark.parametrize("job", ["quantize", "accuracy-aware", "finetune", "kernels"])
def test_killed_at_any_moment_again_and_again(bench: Bench, job: str) -> None:
    """What one leaves is where the next begins; one that gets through begins afresh."""
    delays, seconds, killed = random.Random(job), bench.expected(job)[2], 0
    bench.afresh()
    for _ in range(20 * KILLS):
        pid = bench.first.start(job)
        time.sleep(delays.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        status = bench.first.end()["status"]
        assert status in (0, -signal.SIGKILL)
        bench.check_output_is_whole(job)
        killed += status != 0
        if status == 0 or killed % 5 == 0:
            bench.check_resumes(job)
            bench.afresh()
        if killed >= KILLS:
            break
    bench.check_resumes(job)
    assert killed >= KILLS


@pytest.mark.parametrize("job", ["quantize", "accuracy-aware", "finetune", "kernels"])
def test_a_full_disk_loses_nothing_and_says_so(bench: Bench, job: str) -> None:
    output, _, _, _ = bench.expected(job)
    sizes = (
        (100, 1000)
        if job == "kernels"
        else (0, min(map(len, output.values())) // 2, max(map(len, output.values())) - 1)
    )
    for size in sizes:
        bench.afresh()
        before = bench.output()
        done = bench.first.run(job, bytes=size)
        assert not list(bench.folder.rglob(TEMPORARY_FILES))
        if job == "kernels":  # they run all the same
            assert (
                done["status"] == 0
                and bench.output() == output
                and sum("cannot be kept" in line for line in done["said"]) == 1
            ), done
        else:
            assert done["status"] == 2 and "cannot be written (File too large)" in done["said"][-1], done
            assert bench.output() == before
        bench.check_resumes(job)


@pytest.mark.parametrize("job", ["quantize", "quantize alone", "kernels"])
def test_two_at_once_and_one_of_them_killed(bench: Bench, job: str) -> None:
    """On one cache and output. A cache is for one process, the other is told so; outputs and kernels come
    from whoever is last.
    """
    delays, seconds = random.Random(1), bench.expected(job)[2]
    output = bench.expected(job)[0]
    for number in range(KILLS):
        bench.afresh()
        doomed, _ = bench.first.start(job), bench.second.start(job)
        if number % 2:
            time.sleep(delays.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):
                os.kill(doomed, signal.SIGKILL)
        first, second = bench.first.end(), bench.second.end()
        for done in (first, second):
            assert done["status"] in (
                (0, 2) if number % 2 == 0 or done is second else (0, 2, -signal.SIGKILL)
            ), done
            if done["status"] == 2:
                assert job == "quantize" and "is in use by another process" in done["said"][-1]
        if 0 in (first["status"], second["status"]):
            assert {
                name: content for name, content in bench.output().items() if not name.startswith(".numpot-")
            } == output
        bench.check_resumes(job)


def test_every_job_is_tried() -> None:
    assert set(JOBS) == {"quantize", "quantize alone", "accuracy-aware", "finetune", "onnx", "kernels"}
