"""The command line. One file per command; this one gathers them. Nothing heavy is imported before a command runs."""

import typer

from . import benchmark, check, compare, config, convert, demo, evaluate, finetune, inspect, probe, quantize, saturation

app = typer.Typer(
    name="numpot",
    help="Post-training quantization that you can read: FP32 models to int8, with integers that run on any machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, convert, quantize, finetune, evaluate, compare, probe, saturation, benchmark, check, inspect):
    app.command(name=command.__name__.rpartition(".")[2], no_args_is_help=command not in (demo, probe))(command.run)
app.add_typer(config.app, name="config")


def main() -> None:
    """Entry point of the console script."""
    app()
