"""A catalogue: the operators, one a file, with common/ for what they share. Importing this package finds
every file, so adding an operator is adding its file.
"""

import importlib
import pkgutil

from .common.operator import OPERATORS, Operator, OperatorError, operator

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["OPERATORS", "Operator", "OperatorError", "operator"]
