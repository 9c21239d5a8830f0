"""A catalogue: one family of OpenVINO's operators a file, how they are read. Importing this package fills the
table of readers.
"""

from . import broadcast, inputs_outputs, normalization, one_to_one, pad, resize, windows  # noqa: F401
