"""numpot's own format, .xml and .bin (FORMAT.md beside this file): model reads and writes it, reader walks
the layers.
"""
