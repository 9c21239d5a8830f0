"""What all formats need: files that are replaced whole or not at all, regular files only, auto_pad, tables of
opsets.
"""
