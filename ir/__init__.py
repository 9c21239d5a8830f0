"""The model representation and how it runs: graph, operators (ops/), file formats (formats/), interpreter and
executor.

Read graph, then ops/, interpreter, simplify/, lowering/ and executor/. Nothing is imported before it is used.
"""

from typing import TYPE_CHECKING

from .lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .executor.executor import Executor as Executor
    from .formats.model_files import read_model as read_model
    from .formats.model_files import save_model as save_model
    from .graph import Graph as Graph
    from .interpreter import Interpreter as Interpreter

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "read_model": "formats.model_files",
        "save_model": "formats.model_files",
        "Graph": "graph",
        "Interpreter": "interpreter",
        "Executor": "executor.executor",
    },
)
