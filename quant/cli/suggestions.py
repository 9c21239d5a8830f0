"""Commands that numpot suggests: whole ones, quoted for a shell, with the options that they need to run."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpot.ir import Graph

    from ..data.loader import DataLoader


@dataclass(frozen=True)
class Source:
    """What the user gave of the samples, to be given again."""

    data: str
    mean: str | None = None
    std: str | None = None
    classes: str | None = None
    limit: int | None = None


def evaluate_command(
    model: str,
    graph: "Graph",
    samples: "DataLoader",
    source: Source,
    reference: str | None = None,
    arithmetic: str | None = None,
) -> str:
    """numpot evaluate, by the labels if the samples have some that the model's scores can be measured with;
    else against the reference.
    """
    labelled = _is_classifier(graph) and _has_class_labels(samples, graph)
    words = ["evaluate", path(model), "--data", path(source.data)]
    if labelled or reference is None:
        words += ["--metric", "accuracy@1"]
    else:
        words += [
            "--metric",
            "agreement" if _is_classifier(graph) else "sqnr",
            "--reference",
            path(reference),
        ]
    if arithmetic is not None:
        words += ["--arithmetic", arithmetic]
    for option, value in (("--mean", source.mean), ("--std", source.std), ("--limit", source.limit)):
        words += [] if value is None else [option, str(value)]
    if source.classes is not None and labelled:
        words += ["--classes", path(source.classes)]
    return command(*words)


def sqnr_command(model: str, reference: str, source: Source) -> str:
    """numpot evaluate, the outputs of two models against each other."""
    words = [
        "evaluate",
        path(model),
        "--data",
        path(source.data),
        "--metric",
        "sqnr",
        "--reference",
        path(reference),
    ]
    for option, value in (("--mean", source.mean), ("--std", source.std), ("--limit", source.limit)):
        words += [] if value is None else [option, str(value)]
    return command(*words)


def command(*words: str) -> str:
    """A line for a shell."""
    return shlex.join(["numpot", *words])


def path(text: str) -> str:
    """A path as an argument: one that begins with a hyphen would be taken for an option."""
    return f"./{text}" if text.startswith("-") else text


def _is_classifier(graph: "Graph") -> bool:
    """Whether its one output is the scores of classes, [n, classes, 1, ...]."""
    shapes = [node.output.shape for node in graph.outputs]
    return (
        len(shapes) == 1 and len(shapes[0]) >= 2 and shapes[0][1] > 0 and all(d == 1 for d in shapes[0][2:])
    )


def _has_class_labels(samples: "DataLoader", graph: "Graph") -> bool:
    """Going by the first sample."""
    import numpy as np

    label = samples.label(0)
    if isinstance(label, bool) or not isinstance(label, int | np.integer):
        return False
    return 0 <= int(label) < graph.outputs[0].output.shape[1]
