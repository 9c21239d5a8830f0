"""Configuration files in POT's shape: what they resolve to, and how faults are named."""

import json
from pathlib import Path

import pytest

from numpot.quant.errors import QuantizationError
from numpot.quant.pot.config import Algorithm, Config, read_config, read_params, without_comments

POT = """{
    /* as in POT's templates */
    "model": {"model_name": "net", "model": "net.xml", "weights": "net.bin"},
    "engine": {"type": "simplified", "data_source": "http://not/a/comment"},  // a folder, usually
    "compression": {
        "target_device": "CPU",
        "model_type": "None",
        "algorithms": [{
            "name": "DefaultQuantization",
            "params": {
                "preset": "symmetric", "stat_subset_size": 300,
                "ignored": {"scope": ["a"], "operations": [{"type": "Add"}]}
            }
        }]
    }
}"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.json"
    path.write_text(text)
    return path


def changed(*keys: object, value: object) -> str:
    """POT's example with one value replaced or added, or removed if it is ..."""
    config = json.loads(without_comments(POT))
    *path, last = keys
    target = config
    for key in path:
        target = target[key]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return json.dumps(config)


def test_a_pot_configuration_resolves(tmp_path):
    config = read_config(written(tmp_path, POT))
    assert config.engine.data_source == "http://not/a/comment"
    assert config.params == Algorithm(
        preset="performance",
        target_device="CPU",
        stat_subset_size=300,
        ignored={"scope": ["a"], "operations": [{"type": "Add"}]},
    )
    options = config.params.options(1000)
    assert (options["stat_subset_size"], options["ignored_scope"], options["ignored_operations"]) == (
        300,
        ["a"],
        [{"type": "Add"}],
    )
    assert config.resolved()["compression"]["algorithms"][0]["params"]["saturation_fix"] == "first_layer"


def test_the_resolved_configuration_resolves_to_itself(tmp_path):
    resolved = read_config(written(tmp_path, POT)).resolved()
    assert read_config(written(tmp_path, json.dumps(resolved))).resolved() == resolved


def test_all_samples_are_used_if_nothing_is_said():
    assert Algorithm().options(1234)["stat_subset_size"] == 1234


def test_what_an_algorithm_says_goes_before_what_stands_beside_it(tmp_path):
    text = changed("compression", "algorithms", 0, "params", "target_device", value="GPU")
    assert read_config(written(tmp_path, text)).params.target_device == "GPU"


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("compresion",), {}, "compresion is not known. Did you mean 'compression'?"),
        (
            ("compression", "algorithms", 0, "params", "stat_subset_sise"),
            300,
            "compression.algorithms.0.params.stat_subset_sise is not known. Did you mean 'stat_subset_size'?",
        ),
        (
            ("compression", "algorithms", 0, "params", "activations"),
            {"range_estimator": {"max": {"agregator": "max"}}},
            "compression.algorithms.0.params.activations.range_estimator.max.agregator is not known. "
            "Did you mean 'aggregator'?",
        ),
        (
            ("engine", "colour"),
            1,
            "engine.colour is not known. Known are type, data_source, layout, device, mean, std",
        ),
        (("model", "model"), ..., "model.model is missing"),
        (("model", "cascade"), [], "model.cascade: a cascade of models is not supported"),
        (
            ("engine",),
            {"config": "ac.yml"},
            "engine.config: accuracy-checker configurations are not supported; give",
        ),
        (
            ("compression", "algorithms", 0, "params", "use_layerwise_tuning"),
            True,
            "compression.algorithms.0.params.use_layerwise_tuning: layer-wise tuning trains the model",
        ),
        (
            ("compression", "target_device"),
            "GNA",
            "compression.target_device: input should be 'ANY', 'CPU', 'CPU_SPR' or 'GPU', found 'GNA'",
        ),
        (
            ("compression", "algorithms"),
            [],
            "compression.algorithms: list should have at least 1 item after validation, not 0",
        ),
        (
            ("compression", "algorithms", 0, "params", "stat_subset_size"),
            "300",
            "compression.algorithms.0.params.stat_subset_size: input should be a valid integer, found '300'",
        ),
        (
            ("compression", "algorithms", 0, "params", "preset"),
            "fast",
            "compression.algorithms.0.params.preset: input should be 'performance', 'mixed', 'accuracy' "
            "or 'best', found 'fast'",
        ),
    ],
)
def test_faults_are_named(tmp_path, keys, value, message):
    path = written(tmp_path, changed(*keys, value=value))
    with pytest.raises(QuantizationError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_broken_json_is_named_by_line(tmp_path):
    path = written(tmp_path, POT.replace('"engine"', "engine"))
    with pytest.raises(QuantizationError, match=r"config\.json:4: expected JSON, found a fault at column 5"):
        read_config(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(QuantizationError, match="cannot be read as a configuration"):
        read_config(tmp_path / "none.json")


def test_comments_go_and_strings_stay():
    text = '{"a": "// no", /* two\nlines */ "b": "\\"/* no */"} // end'
    assert json.loads(without_comments(text)) == {"a": "// no", "b": '"/* no */'}
    assert without_comments(text).count("\n") == 1


def test_parameters_may_come_in_mappings_of_any_kind():
    class Mapping(dict):
        """As `addict.Dict` is."""

    params = read_params(Mapping(preset="asymmetric", ignored=Mapping(scope=("a", "b"))), "params")
    assert (params.preset, params.ignored.scope) == ("accuracy", ["a", "b"])


def test_the_schema_names_every_parameter():
    schema = Config.model_json_schema()
    assert schema["$defs"]["Algorithm"]["properties"].keys() == Algorithm.model_fields.keys()
    assert schema["$defs"]["Algorithm"]["additionalProperties"] is False
