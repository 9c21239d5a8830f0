"""python by_numpot.py model.xml samples.npz COUNT int8.xml: quantizes, prints seconds of the call and peak
megabytes of the process.
"""

import sys
import time

import numpy as np
from samples import Samples, peak_rss_mb

from numpot.ir import read_model, save_model
from numpot.quant import DataLoader, quantize


class Loader(DataLoader):
    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, None]:
        return self._samples[index][0], None


model, samples, count, output = sys.argv[1:]
graph = read_model(model)
begin = time.perf_counter()
int8 = quantize(graph, Loader(Samples(samples, int(count))), target_device="CPU", stat_subset_size=int(count))
seconds = time.perf_counter() - begin
save_model(int8, output)
print(seconds, peak_rss_mb())
