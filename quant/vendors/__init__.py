"""The runtimes that numpot is compared with, one a file.

vendor                  Vendor: what numpot needs to know of a runtime
openvino, onnxruntime   the runtimes
registry                all of them, by name
probe                   which arithmetic a runtime has on this processor
"""
