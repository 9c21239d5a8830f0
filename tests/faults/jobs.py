"""Jobs that save, in processes that end before their time: python -m tests.faults.jobs FOLDER, which obeys
one line of JSON after another.

All jobs run in children of one process that has imported everything, because importing takes longer than a
job. A line says which job, and how the child is to fail: `acts`, killed before so many acts on files (opening
one to write, a lock, rename, removal or fsync is an act); `bytes`, the size that no file may pass, as on a
full disk. The process answers with the child's number, and, when that has ended, with a line of JSON: its
status, how many acts it did, and what it said.
"""

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from numpot.ir import read_model, save_model
from numpot.ir.errors import NumpotError
from numpot.kernels.codegen import jit
from numpot.quant.default_quantization import quantize
from numpot.quant.finetuning.trainer import finetune
from numpot.quant.statistics import cache as statistics_cache

from ..networks import Network
from ..quant.accuracy_aware.accuracy_models import FEW_BITS, GRAPH, LABELS, Labelled, X, run

ACTS = {"open", "os.rename", "os.remove", "os.truncate", "fcntl.flock", "os.chmod"}
SOME = Labelled(X[:12], LABELS[:12])


@cache
def tuned() -> Any:
    return quantize(GRAPH, SOME, **FEW_BITS)


def write_quantized(folder: Path) -> None:
    """Saves its statistics after every batch of two passes."""
    options = {"stat_batch_size": 6, "range_estimator": "quantile", "statistics_cache": folder / "cache"}
    save_model(quantize(GRAPH, SOME, **options), folder / "out" / "model.xml")


def write_quantized_alone(folder: Path) -> None:
    """Without a cache, so that two can work at once."""
    save_model(
        quantize(GRAPH, SOME, stat_batch_size=6, range_estimator="quantile"), folder / "out" / "model.xml"
    )


def write_accuracy_aware(folder: Path) -> None:
    """Saves statistics, and every evaluation in a journal."""
    found = run(drop=0.05, max_iter_num=1, data=SOME, statistics_cache=folder / "cache")
    save_model(found.model, folder / "out" / "model.xml")


def write_finetuned(folder: Path) -> None:
    save_model(finetune(tuned(), SOME, teacher=GRAPH, epochs=2, batch_size=4), folder / "out" / "model.xml")


def write_onnx(folder: Path) -> None:
    save_model(tuned(), folder / "out" / "model.onnx")


def compile_kernels(folder: Path) -> None:
    """Into a cold cache; what they give is written as a file of its own, so that it can be compared."""
    jit.config.CACHE_DIR = str(folder / "cache")
    jit.cache_folder.cache_clear()
    results = [int(jit.kernel(function)(np.int64(5))) for function in (twice, following)]
    (folder / "out" / "results").write_text(str(results))


def twice(x: Any) -> Any:
    return 2 * x


def following(x: Any) -> Any:
    return x + 1


JOBS: dict[str, Callable[[Path], None]] = {
    "quantize": write_quantized,
    "quantize alone": write_quantized_alone,
    "accuracy-aware": write_accuracy_aware,
    "finetune": write_finetuned,
    "onnx": write_onnx,
    "kernels": compile_kernels,
}


def old_model() -> Any:
    """What stands where a job writes."""
    net = Network(seed=9)
    return net.result(net.relu(net.conv(net.input(-1, 3, 8, 8), 4, 3, name="old")))


class Acts:
    """Counts what this process does to files below a folder, and ends it before act number `last`."""

    def __init__(self, last: int | None) -> None:
        self.count, self.last = 0, last
        fsync = os.fsync

        def counted(descriptor: int) -> None:
            self._add()
            fsync(descriptor)

        os.fsync = counted
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ACTS and (
            event != "open" or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        ):
            self._add()

    def _add(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def child(folder: Path, order: dict[str, Any], answer: int) -> None:
    statistics_cache.SECONDS_BETWEEN_SAVES = 0.0
    if "bytes" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["bytes"], order["bytes"]))
    acts, said = Acts(order.get("acts")), []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("numpot").addHandler(handler)
    status = 0
    try:
        JOBS[order["job"]](folder)
    except NumpotError as error:
        said.append(str(error))
        status = 2
    os.write(answer, json.dumps({"acts": acts.count, "said": said}).encode())
    os._exit(status)


def obey(folder: Path) -> None:
    tuned()
    read_model(folder / "old.xml")
    for line in sys.stdin:
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            child(folder, json.loads(line), writer)
        os.close(writer)
        print(pid, flush=True)
        with os.fdopen(reader) as answers:
            answer = answers.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, **json.loads(answer or "{}")}), flush=True)


if __name__ == "__main__":
    obey(Path(sys.argv[1]))
