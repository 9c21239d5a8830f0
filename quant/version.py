"""The version of the installed package, as models, journals and reports record it."""

from importlib.metadata import version
from typing import Final

__version__: Final = version("numpot")
