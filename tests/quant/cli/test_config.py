"""numpot quantize --config, and numpot config schema."""

import json
from pathlib import Path

import pytest

from numpot.ir import read_model

from .test_cli import folder, invoke

__all__ = ["folder"]  # a fixture


def write(params: dict, **compression) -> None:
    config = {
        "model": {"model_name": "small", "model": "model.xml", "weights": "model.bin"},
        "engine": {"type": "simplified", "data_source": "bare.npz"},
        "compression": {"algorithms": [{"name": "DefaultQuantization", "params": params}], **compression},
    }
    Path("config.json").write_text("// as POT takes it\n" + json.dumps(config))


def test_a_configuration_says_everything(folder):
    write({"preset": "mixed", "stat_subset_size": 7, "ignored": {"scope": ["head"]}}, target_device="CPU")
    outcome = invoke("quantize", "-c", "config.json", "--json")
    assert outcome.exit_code == 0, outcome.output
    report = json.loads(outcome.stdout)
    assert report["output"] == "results/small_DefaultQuantization/optimized/small.xml"
    params = report["configuration"]["compression"]["algorithms"][0]["params"]
    assert (params["preset"], params["target_device"], params["saturation_fix"]) == (
        "mixed",
        "CPU",
        "first_layer",
    )
    info = read_model(report["output"]).info["quantization"]
    assert (info["samples"], info["parameters"]["preset"], info["float_layers"]) == (7, "mixed", ["head"])


def test_the_resolved_configuration_is_shown(folder):
    write({})
    outcome = invoke("quantize", "--config", "config.json", "-o", "int8.xml")
    assert outcome.exit_code == 0 and Path("int8.xml").is_file()
    assert (
        '"saturation_fix": "first_layer"' in outcome.stdout and "2 of 2 layers on integers" in outcome.stdout
    )


def test_the_same_as_with_options(folder):
    write({"preset": "mixed"})
    assert invoke("quantize", "-c", "config.json", "-o", "one.xml").exit_code == 0
    assert (
        invoke("quantize", "model.xml", "--data", "bare.npz", "--preset", "mixed", "-o", "two.xml").exit_code
        == 0
    )
    assert Path("one.bin").read_bytes() == Path("two.bin").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-c", "config.json", "--preset", "mixed"],
            "--preset and --config exclude each other; set it in the file",
        ),
        (
            ["model.xml", "--data", "bare.npz"],
            "--output is missing: give MODEL, --data and --output, or a --config that names them",
        ),
        (["--data", "bare.npz", "-o", "a.xml"], "MODEL is missing"),
        (["-c", "none.json"], "none.json: cannot be read as a configuration"),
    ],
)
def test_what_does_not_go_together(folder, arguments, message):
    write({})
    outcome = invoke("quantize", *arguments)
    assert outcome.exit_code == 2 and message in outcome.output


def test_an_unknown_key_ends_the_command(folder):
    write({"preset": "mixed", "sead": 1})
    outcome = invoke("quantize", "-c", "config.json")
    assert outcome.exit_code == 2
    assert (
        "config.json: compression.algorithms.0.params.sead is not known. Did you mean 'seed'?"
        in outcome.output
    )


def test_the_schema_is_json(folder):
    schema = json.loads(invoke("config", "schema").stdout)
    assert schema["required"] == ["model", "engine", "compression"]
    assert "saturation_fix" in schema["$defs"]["Algorithm"]["properties"]
