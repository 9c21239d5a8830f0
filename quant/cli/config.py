"""numpot config: what a configuration file may hold."""

import typer

from .usage import Command, Group

app = typer.Typer(
    cls=Group, help="Describe configuration files for numpot quantize --config.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Keeps `schema` a command of its own."""


@app.command(cls=Command)
def schema() -> None:
    """Print the JSON schema of a configuration file, for editors and other tools."""
    from ..pot.config import Config
    from .common import print_json

    print_json(Config.model_json_schema())
