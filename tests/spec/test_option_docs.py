"""`reversal list --options`: every option of a spec, with what its field says."""

import json

import pytest

from reversal_cli.cli import main
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.option_docs import option_docs
from reversal_cli.spec.validation import known_keys


def test_every_key_that_a_file_may_set_has_a_meaning():
    documented = {doc.key: doc.meaning for doc in option_docs()}
    sections = {key.rpartition(".")[0] for key in documented}
    assert set(documented) == set(known_keys(ExperimentSpec)) - sections
    assert all(len(meaning) > 10 for meaning in documented.values())


def test_defaults_are_those_of_the_fields():
    defaults = {doc.key: doc.default for doc in option_docs()}
    assert defaults["training.learning_rate"] == 2e-5
    assert defaults["training.eval_every"] is None
    assert defaults["evaluation.likelihood"] is True
    assert defaults["dataset.generator.validation_templates"] is None
    assert defaults["objective.name"] == "ntp"


def test_a_section_has_its_own_options_only(capsys):
    assert main(["list", "--options", "training.lora", "--json"]) == 0
    keys = [doc["key"] for doc in json.loads(capsys.readouterr().out)]
    assert keys == ["training.lora.r", "training.lora.alpha", "training.lora.dropout"]


def test_an_objectives_option_says_whose_it_is():
    (share,) = (doc for doc in option_docs("objective") if doc.key == "objective.bico_share")
    assert share.meaning.startswith("bico: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--options", "trainin"], "did you mean 'training'?"), (["training"], "use `reversal list training --options`")],
)
def test_a_wrong_section_is_one_line(capsys, arguments, message):
    assert main(["list", *arguments]) == 2
    assert message in capsys.readouterr().err
