"""Models on disk. model_files reads and writes any format, by what a file holds.

native/, openvino/, onnx/   the formats, a package each
xml/                        what the two formats of an .xml with a .bin share
common/                     what all formats need
"""
