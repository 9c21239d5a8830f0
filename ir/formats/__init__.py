"""Models on disk. model_files reads and writes any format; native/, openvino/ and onnx/ are the formats; xml/
and common/ are shared.
"""
