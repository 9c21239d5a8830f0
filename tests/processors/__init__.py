"""Other processors than the one at hand, by user-mode emulation (QEMU): `python -m tests.processors haswell
-- python -m pytest ...`.
"""
