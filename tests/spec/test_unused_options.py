"""An option that decides nothing is refused where a person gave it, and left out where a recipe or a grid did."""

from pathlib import Path

import pytest
from report_runs import manifest

from reversal_cli.errors import ReversalError
from reversal_cli.models import checkpoint
from reversal_cli.models.unused_options import refuse_unused
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.abi import RANDOM_OPTIONS, Abi
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.runs.directory import RunDirectory, run_path, write_json
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import Experiment, load_experiment, load_pretraining, parse_set
from reversal_cli.spec.presets import PRESETS, RECIPES
from reversal_cli.spec.unused_options import unused_options
from reversal_cli.spec.validation import Setting

GRID = "[grid]\nmodel.name = ['tiny-llama', 'tiny-glm']\nobjective.name = ['ntp', 'abi']\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *assignments: str) -> Experiment:
    Path("x.toml").write_text(text)
    return load_experiment(Path("x.toml"), [setting for a in assignments for setting in parse_set(a)])


def mistake(text: str, *assignments: str) -> str:
    with pytest.raises(ReversalError) as caught:
        load(text, *assignments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "objective", "setting", "why"),
    [
        ("tiny-glm", "abi", "objective.span_positions=after_text", "models with rotary positions"),
        ("tiny-llama", "ntp", "objective.glm_form=causal", "the GLM of 2022"),
        ("tiny-llama", "ntp", "objective.glm_prompt=before_blank", "the GLM of 2022"),
        ("tiny-llama", "bico", "model.gelu=erf", "the GLM of 2022"),
        ("tiny-llama", "none", "model.mask_token_id=7", "the GLM of 2022"),
        *(("tiny-llama", "abi", f"objective.{option}=0.25", "span_policy 'random'") for option in
          ("mask_ratio", "span_mean", "token_share", "document_suffix_share")),
        ("org/name", "abi", "objective.document_min_ratio=0.5", "span_policy 'random', and this is 'single'"),
    ],
)  # fmt: skip
def test_an_option_that_decides_nothing_is_one_line_before_anything_is_loaded(model, objective, setting, why):
    key = setting.partition("=")[0]
    message = mistake(f"model.name = '{model}'\nobjective.name = '{objective}'", setting)
    assert message.startswith(f"--set: '{key}' has no effect here: it is for {why}")


def test_an_option_beside_another_that_silences_it_is_refused():
    assert "glm_form 'blank', and this is 'causal'" in mistake(
        "model.name = 'tiny-glm'", "objective.glm_form=causal", "objective.glm_prompt=before_blank"
    )
    abi = "objective.name = 'abi'\n"
    random = "objective.span_policy=random"
    assert "span_policy 'single'" in mistake(abi, random, "objective.max_span=3")
    assert "span_policy 'single' or 'entity'" in mistake(abi, random, "objective.suffix_share=0.1")
    assert "no blank is a document" in mistake(abi, random, "objective.document_min_ratio=0.5")
    assert "every blank is the end" in mistake(abi, "objective.suffix_share=1", "objective.span_policy=entity")
    assert "token_share is 0" in mistake(abi, random, "objective.token_share=0", "objective.span_mean=2")
    load(abi, random, "objective.token_share=0.5", "objective.document_min_ratio=0.5", "objective.span_mean=2")


def test_the_options_of_random_spans_are_those_that_only_random_batches_read():
    assert Abi().unused("rotary").keys() == set(RANDOM_OPTIONS)
    assert Abi(span_policy="random", token_share=0.5).unused("rotary").keys() == {"suffix_share", "max_span"}


def test_a_default_is_harmless_so_that_a_printed_spec_can_be_run_again():
    assert load("", "objective.glm_form=blank").specs[0].objective == Ntp()


def test_a_recipe_gives_way_to_a_policy_that_has_no_use_for_it():
    assert RECIPES["tiny-glm", "abi"]["objective"]["max_span"] != Abi().max_span
    text = "model.name = 'tiny-glm'\n[objective]\nname = 'abi'\nspan_policy = 'random'"
    assert load(text).specs[0].objective.max_span == Abi().max_span


@pytest.mark.parametrize(("model", "objective"), RECIPES)
def test_no_recipe_sets_an_unused_option(model, objective):
    spec = load(f"model.name = '{model}'\nobjective.name = '{objective}'").specs[0]
    keys = {f"objective.{option}" for option in RECIPES[model, objective].get("objective", {})}
    assert keys.isdisjoint(unused_options(spec, PRESETS[model].family))


def test_a_grid_over_families_and_objectives_gives_each_option_to_those_it_concerns():
    text = "model.gelu = 'erf'\nobjective.span_positions = 'after_text'\nobjective.glm_form = 'causal'\n" + GRID
    llama_ntp, llama_abi, glm_ntp, glm_abi = load(text).specs
    assert (llama_ntp.objective.glm_form, glm_ntp.objective.glm_form) == ("blank", "causal")
    assert (llama_abi.objective.span_positions, glm_abi.objective.span_positions) == ("after_text", "after_mask")
    assert [spec.model.gelu for spec in (llama_ntp, llama_abi, glm_ntp, glm_abi)] == [None, None, "erf", "erf"]
    assert [spec.model.gelu for spec in load(text).baselines] == [None, "erf"]


def test_in_a_grid_an_option_that_no_point_heeds_is_refused():
    assert "'objective.mask_ratio' has no effect here" in mistake(GRID, "objective.mask_ratio=0.3")


def test_the_family_of_a_local_folder_is_known_as_early_as_that_of_a_preset(glm_checkpoint, llama_checkpoint):
    text = f"objective.name = 'abi'\nmodel.name = '{glm_checkpoint}'"
    assert "span_positions' has no effect here" in mistake(text, "objective.span_positions=after_text")
    assert "gelu' has no effect here" in mistake(f"model.name = '{llama_checkpoint}'", "model.gelu=erf")


def test_the_family_of_a_hub_checkpoint_is_asked_before_training_where_an_option_depends_on_it(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(checkpoint, "family_of", lambda model: asked.append(model.name) or "rotary")
    plain, dependent = (
        load("model.name = 'org/name'", *settings).specs for settings in ([], ["objective.glm_form=causal"])
    )
    refuse_unused(plain, tmp_path)
    assert asked == []
    with pytest.raises(ReversalError, match=r"^model 'org/name': 'objective\.glm_form' has no effect here"):
        refuse_unused(dependent, tmp_path)
    monkeypatch.setattr(checkpoint, "family_of", lambda model: "glm")
    refuse_unused(dependent, tmp_path)
    fim = load("model.name = 'org/name'\nobjective.name = 'fim'").specs
    with pytest.raises(ReversalError, match=r"^model 'org/name' is a glm model; objective\.sentinels is 'three', and"):
        refuse_unused(fim, tmp_path)


def test_the_manifest_of_a_run_that_is_overwritten_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "family_of", lambda model: "rotary")
    specs = load("model.name = 'org/name'", "objective.glm_form=causal").specs
    run = RunDirectory(run_path(tmp_path, specs[0].name, specs[0].seed))
    write_json(run.manifest_path, manifest("x", "ntp", 0, "tiny-llama", "a", 1) | {"training": {}})
    refuse_unused(specs, tmp_path)  # trained already: nothing is fetched
    run.manifest_path.write_text("{")
    with pytest.raises(ReversalError, match="has no effect here"):
        refuse_unused(specs, tmp_path, overwrite=True)


def test_a_base_model_refuses_options_of_the_other_family_too():
    def settings(*assignments: str) -> list[Setting]:
        return [setting for a in assignments for setting in parse_set(a)]

    with pytest.raises(ReversalError, match=r"^--set: 'abi\.max_span' has no effect here: .* family 'glm'"):
        load_pretraining(None, settings("abi.max_span=3"))
    with pytest.raises(ReversalError, match=r"^--set: 'abi\.mask_ratio' has no effect here: .* span_policy 'random'"):
        load_pretraining(None, settings("family=glm", "abi.mask_ratio=0.3"))
    assert load_pretraining(None, settings("family=glm", "abi.max_span=3")).abi.max_span == 3


@pytest.mark.parametrize("option", ["abi.span_policy=entity", "abi.protect=name"])
def test_a_base_is_not_pretrained_with_blanks_that_need_names(option):
    with pytest.raises(ReversalError, match="a corpus does not tell them"):
        load_pretraining(None, [*parse_set("family=glm"), *parse_set(option)])


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("family", ["rotary", "glm", None])
def test_every_unused_option_is_an_option(name, family):
    spec = ExperimentSpec(name="x", objective={"name": name})
    assert spec.objective.unused(family).keys() <= OBJECTIVES[name].model_fields.keys()
