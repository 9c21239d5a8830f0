"""XML as both numpot's own format and OpenVINO IR have it: layers, edges, and weights in a .bin beside it.

document, layer, wiring, info   reading: safe elements; a layer; its edges; how a model was made
layers_writer                   from a graph to the text
weights                         the .bin: mapped on load, written once
file_pair                       both files written, or neither
"""
