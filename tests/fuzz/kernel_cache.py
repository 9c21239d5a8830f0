"""A kept file of machine code, damaged: it is never taken for whole, and it is mended."""

from pathlib import Path

import numpy as np

from numpot.kernels.codegen.kept_files import KeptFiles

from .campaign import damaged

CODE = bytes(range(256)) * 40


def trial(rng: np.random.Generator, folder: Path) -> str:
    kept = KeptFiles(str(folder), "f", "stamp")
    kept.save("key", CODE)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, rng))
    found = kept.load("key")
    if path.read_bytes() == whole:
        assert found == CODE
        return "held"
    assert found is None
    kept.save("key", CODE)
    assert kept.load("key") == CODE
    return "refused"
