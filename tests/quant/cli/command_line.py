"""The command line, run in this process."""

from typer.testing import CliRunner
from typer.testing import Result as Outcome

from numpot.quant.cli import app


def invoke(*arguments: object) -> Outcome:
    return CliRunner().invoke(app, [str(a) for a in arguments])
