"""The same for POT 2023.3, in an environment of its own: pip install 'openvino-dev[onnx]==2023.3.0'
'numpy<1.27' 'scipy<1.11'
"""

import sys
import time
from pathlib import Path

import openvino.tools.pot.engines.ie_engine
import openvino.tools.pot.utils.launcher
from openvino.runtime import Core
from openvino.tools.pot import (
    DataLoader,
    IEEngine,
    compress_model_weights,
    create_pipeline,
    load_model,
    save_model,
)
from samples import Samples, peak_rss_mb


class Core32(Core):
    """Float models in float32, on one thread. CPUs that have bf16 would use it, and what is compared would
    not be the same work.
    """

    def compile_model(self, *arguments, **options):
        self.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"})
        return super().compile_model(*arguments, **options)


openvino.tools.pot.engines.ie_engine.Core = openvino.tools.pot.utils.launcher.Core = Core32


class Loader(DataLoader):
    def __init__(self, samples):
        super().__init__({})
        self._samples = samples

    def __len__(self):
        return len(self._samples)

    def __getitem__(self, index):
        return self._samples[index], 0


model, samples, count, output = sys.argv[1:]
graph = load_model(
    {"model_name": Path(model).stem, "model": model, "weights": str(Path(model).with_suffix(".bin"))}
)
engine = IEEngine(
    {"device": "CPU", "stat_requests_number": 1, "eval_requests_number": 1},
    Loader(Samples(samples, int(count))),
)
parameters = {"target_device": "CPU", "preset": "performance", "stat_subset_size": int(count)}
pipeline = create_pipeline([{"name": "DefaultQuantization", "params": parameters}], engine)
begin = time.perf_counter()
int8 = pipeline.run(graph)
seconds = time.perf_counter() - begin
compress_model_weights(int8)
save_model(int8, str(Path(output).parent), Path(output).stem)
print(seconds, peak_rss_mb())
