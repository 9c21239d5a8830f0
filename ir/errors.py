"""What can go wrong with a model. Every message says what was expected, what was found, and where."""


class NumpotError(Exception):
    """Bad input from outside: the command line prints it as one sentence and exits with status 2."""


class GraphError(NumpotError):
    """A graph that cannot be: shapes that do not fit, a name used twice, a cycle."""


class MissingExtraError(NumpotError):
    """An optional package is needed and not installed; the message names the extra."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}, which is not installed: pip install 'numpot[{extra}]'")
