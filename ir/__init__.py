"""What a model is, and how it runs. Nothing is imported before it is used; the public names are those below.

Read graph, then ops/, interpreter, simplify/, lowering/ and executor/.

    dtypes, errors       the element types; what can go wrong
    lazy_exports         public names that are imported when they are first used
    memory, footprint    the memory budget; what a run takes of it
    arguments, inputs    what a caller gives: a value to show in a message; arrays for a model's inputs
    ops/                 the operators, one a file: shape rule and NumPy definition
    shape_inference      what is known of every tensor before the model runs
    display/             what prompts and notebooks show
graph                Graph, Node, Tensor, and the few verbs that edit a graph
    evaluation           one layer by its definition
    simplify/            from the layers of an exporter to fewer ones that compute the same
    lowering/            from FakeQuantize to integer layers
    formats/             model files: numpot's own, OpenVINO IR and ONNX
    run/                 what interpreter and executor share
    interpreter          runs a graph by the definitions: slow, short, and the truth
    executor/            runs a graph by kernels: the same results, fast
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
