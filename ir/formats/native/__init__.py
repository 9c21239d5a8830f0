"""numpot's own format, .xml and .bin (FORMAT.md beside this file).

model    reads and writes a pair of files
reader   from a checked document to a graph, promise by promise
"""
