"""The same for NNCF, in an environment of its own: pip install nncf openvino. (It asks OpenVINO for float32
by itself.)
"""

import logging
import sys
import time

import nncf
import openvino
from samples import Samples, peak_rss_mb

model, samples, count, output = sys.argv[1:]
nncf.set_log_level(logging.ERROR)
graph = openvino.Core().read_model(model)
begin = time.perf_counter()
int8 = nncf.quantize(graph, nncf.Dataset(Samples(samples, int(count))), subset_size=int(count))
seconds = time.perf_counter() - begin
openvino.save_model(int8, output, compress_to_fp16=False)
print(seconds, peak_rss_mb())
