"""The runtimes that numpot is compared with: registry opens them, probe asks which arithmetic they have on
this processor.
"""
