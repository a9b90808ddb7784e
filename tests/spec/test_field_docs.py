"""The help of a flag says what its field says: text and default have one source."""

import pytest

from reversal_cli.cli import main
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.spec.field_docs import SECTIONS, field_docs, field_help
from reversal_cli.spec.option_docs import option_docs
from reversal_cli.spec.presets import RECIPES
from reversal_cli.spec.pretraining import PretrainSpec
from reversal_cli.spec.toml import flatten
from reversal_cli.transforms import TRANSFORMS

FLAGS = {
    "finetune": [
        "model.name",
        "model.revision",
        "model.init",
        "dataset.path",
        "training.tuning",
        "training.epochs",
        "training.batch_size",
        "training.learning_rate",
        "training.eval_every",
        "training.dtype",
        "training.device",
        "seed",
        "name",
    ],
    "eval": ["evaluation.batch_size", "evaluation.likelihood", "evaluation.controls", "evaluation.intervals"],
    "generate": [f"dataset.generator.{name}" for name in field_docs("dataset.generator") if name != "seed"],
    "run": ["training.device"],
    "pretrain": ["training.device"],
}
SWITCHES = {"True": "on", "False": "off"}


def on_one_line(text: str) -> str:
    """Words may be broken at a dash: no dash keeps the space behind it."""
    return " ".join(text.split()).replace("- ", "-")


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([command, "--help"]) == 0
    return on_one_line(capsys.readouterr().out)


@pytest.mark.parametrize("command", FLAGS)
def test_the_help_of_a_flag_is_the_text_and_the_default_of_its_field(command, capsys):
    shown = help_of(command, capsys)
    for key in FLAGS[command]:
        section, _, name = key.rpartition(".")
        doc = field_docs(section)[name]
        assert on_one_line(doc.meaning) in shown
        assert not doc.default or f"[default: {doc.default}" in shown


def test_what_is_read_from_the_source_is_what_the_fields_hold():
    for doc in option_docs():
        section, _, name = doc.key.rpartition(".")
        if section in SECTIONS:
            read = field_docs(section)[name]
            default = "" if doc.default is None else SWITCHES.get(str(doc.default), str(doc.default))
            assert read.meaning == doc.meaning
            assert read.default == default or float(read.default) == float(default)
    assert field_docs("pretraining")["people"].default == str(PretrainSpec().people)


def test_the_help_of_finetune_names_every_objective_and_transform_and_says_which_defaults_a_preset_replaces(capsys):
    shown = help_of("finetune", capsys)
    objectives, _, rest = shown.partition("--objective NAME ")[2].partition(" --transform")
    assert all(name in objectives for name in OBJECTIVE_SPECS)
    assert all(name in rest.partition(" --model")[0] for name in TRANSFORMS)
    replaced = {key for recipe in RECIPES.values() for key, _ in flatten(recipe)}
    for key in FLAGS["finetune"]:
        assert (on_one_line(field_help(key, "the preset's")) in shown) == (key in replaced), key


def test_a_field_that_is_unset_has_no_default_in_its_help():
    assert field_help("model.revision") == "Branch, tag or commit of a hub id."
