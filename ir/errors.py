"""The errors of models and model files. Every message says what was expected, what was found, and where."""

import os

AnyPath = str | os.PathLike[str]


LONGEST = 1000  # characters of a message; names of a damaged file may have millions


class NumpotError(Exception):
    """Bad input from outside: the command line prints it as one sentence and exits with status 2.

    The message is one line of a length that can be read, whatever the names in it hold.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


def one_line(text: str) -> str:
    """The text with control characters written as \\n, \\x1b and the like, and its middle left out if it is
    too long.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST * 2 // 3]} ... {text[-LONGEST // 4 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: "1 layer", "3 layers". plural: if it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


class GraphError(NumpotError):
    """An invalid graph: shapes that do not fit, a name used twice, a cycle."""


class MemoryLimitError(NumpotError):
    """A request needs more memory than the budget allows (memory.py); nothing was allocated."""


class PlanError(NumpotError):
    """A step of a plan would access memory outside its own arrays: a fault in numpot, found before anything
    runs.
    """


class MissingExtraError(NumpotError):
    """An optional package is needed and not installed; the message names the extra."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed: pip install 'numpot[{extra}]'"
        )


# ---- files: one class for each promise that FORMAT.md makes ------------------------------------------------


class IRError(NumpotError):
    """A model file that breaks a promise of its format; the subclass says which, `path` and
    `line` say where.
    """

    def __init__(self, message: str, path: AnyPath, line: int | None = None) -> None:
        self.path = os.fspath(path)
        self.line = line
        super().__init__(f"{self.path}: {message}" if line is None else f"{self.path}:{line}: {message}")


class FileMissingError(IRError):
    """The .xml and its sibling .bin exist and can be read."""


class UnknownFormatError(IRError):
    """The content of the file, not its name, identifies it as a model."""


class LimitError(IRError):
    """Size, depth, number of layers and length of attributes stay under fixed limits."""


class XmlSyntaxError(IRError):
    """The .xml is well-formed XML in UTF-8."""


class ForbiddenDtdError(IRError):
    """No document type is declared, hence no entity: nothing expands, nothing is fetched."""


class ForbiddenInstructionError(IRError):
    """There are no processing instructions, because a model is data."""


class VersionError(IRError):
    """The format's version is one that this program reads."""


class SchemaError(IRError):
    """Elements and attributes are those of the format's schema."""


class ChecksumError(IRError):
    """Both files are, bit for bit, what was written."""


class DuplicateIdError(IRError):
    """Layer ids are unique."""


class DuplicateNameError(IRError):
    """Layer names are unique."""


class UnknownOperatorError(IRError):
    """A layer's type is a known operator."""


class UnknownAttributeError(IRError):
    """An operator has only the attributes that it knows."""


class AttributeValueError(IRError):
    """An operator has all the attributes that it needs, with values of their types."""


class DanglingEdgeError(IRError):
    """An edge joins an output port that exists to an input port that exists."""


class PortFedTwiceError(IRError):
    """No input port is fed by two edges."""


class PortNotFedError(IRError):
    """Every input port is fed."""


class CycleError(IRError):
    """No layer depends on itself."""


class OperatorInputError(IRError):
    """An operator accepts the number, types and shapes of its inputs."""


class ShapeMismatchError(IRError):
    """The types and shapes that ports declare are those that follow from the model's inputs."""


class BinSizeError(IRError):
    """The .bin has the size that the .xml says."""


class SpanError(IRError):
    """A constant's span is aligned, lies inside the .bin, and holds exactly its elements."""


class OverlapError(IRError):
    """Two spans are the same or have no byte in common."""


class GapError(IRError):
    """Every byte of the .bin belongs to a span, or is a zero that pads one to the next boundary."""


class InfoError(IRError):
    """In `info`, entries of a dict have keys, all different; entries of a list have none."""


class UnstorableError(IRError):
    """What is written can be read: names, types and values are those the format has."""


class SaveError(IRError):
    """A save replaces both files or neither, and leaves nothing else behind."""
