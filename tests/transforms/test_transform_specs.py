"""The transform of a spec: names, options, digests, and what does not fit together."""

from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.report.frame import recipe_id, settings_label
from reversal_cli.report.methods import variant
from reversal_cli.runs.records import StoredObjective, StoredSpec
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import Experiment, load_experiment, parse_set
from reversal_cli.spec.toml import write_spec
from reversal_cli.transforms import TRANSFORMS
from reversal_cli.transforms.identity import Identity
from reversal_cli.transforms.reverse import Reverse

QUICKSTART = Path(__file__).parents[2] / "experiments" / "quickstart.toml"
DIGESTS = {
    "quickstart/tiny-llama-untrained": "722827393285",
    "quickstart/tiny-glm-untrained": "c5db2ac34a04",
    "quickstart/tiny-llama-ntp": "db269f666c19",
    "quickstart/tiny-llama-bico": "6235897335bf",
    "quickstart/tiny-glm-ntp": "c443ae64ceed",
    "quickstart/tiny-glm-abi": "62e29ecc6912",
}
"""Of specs that were made before there were transforms."""


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


def stored(spec: ExperimentSpec) -> StoredSpec:
    return StoredSpec.model_validate(spec.model_dump(mode="json"))


def test_a_spec_without_a_transform_keeps_the_digest_it_had():
    experiment = load_experiment(QUICKSTART)
    assert {spec.name: spec.digest for spec in (*experiment.baselines, *experiment.specs)} == DIGESTS


def test_a_transform_and_its_options_change_the_digest():
    assignments = ([], ["transform.name=spt"], ["transform.name=reverse"], ["transform={name='reverse', tag=true}"])
    assert len({load("", *given).specs[0].digest for given in assignments}) == 4
    assert load("", "transform.name=none").specs[0].digest == load("").specs[0].digest


def test_a_spec_of_an_earlier_version_is_the_same_experiment():
    spec = load("").specs[0]
    new, earlier = spec.model_dump(mode="json"), spec.model_dump(mode="json", exclude={"transform"})
    assert spec_differences(earlier, new) == spec_differences(new, earlier) == []
    assert recipe_id(StoredSpec.model_validate(earlier), {}) == recipe_id(stored(spec), {})
    changed = spec.model_copy(update={"transform": Reverse()}).model_dump(mode="json")
    assert spec_differences(earlier, changed)[0] == "transform.name none -> reverse"


def test_a_grid_over_transforms_names_a_run_for_each_and_gives_each_its_options():
    text = "[grid]\ntransform.name = ['none', 'reverse', 'spt']\n[transform]\nunit = 'phrase'\n"
    specs = load(text).specs
    assert [spec.name for spec in specs] == ["x/none", "x/reverse", "x/spt"]
    assert [spec.transform.model_dump() for spec in specs][::2] == [{"name": "none"}, {"name": "spt"}]
    assert specs[1].transform == Reverse(unit="phrase")


def test_runs_may_differ_in_objective_and_transform():
    text = "[[runs]]\nobjective.name = 'bico'\n[[runs]]\ntransform.name = 'reverse'\ntransform.mode = 'replace'\n"
    experiment = load(text)
    assert [(spec.name, spec.method) for spec in experiment.specs] == [
        ("x/bico", "bico"),
        ("x/reverse-replace", "ntp + reverse"),
    ]
    assert [spec.transform for spec in experiment.baselines] == [Identity()]


def test_an_experiment_without_a_name_is_named_after_its_transform_too():
    assert load_experiment(None, parse_set("transform.name=spt")).specs[0].name == "tiny-llama-ntp-spt"


def test_a_written_spec_reads_back_as_the_same_experiment():
    spec = load("", "transform={name='reverse', unit='segment', segment_words=4}").specs[0]
    Path("again.toml").write_text(write_spec(spec.model_dump(mode="json")))
    assert load_experiment(Path("again.toml")).specs[0] == spec


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (
            ["transform.name=revers"],
            f"--set: unknown transform 'revers'; did you mean 'reverse'? ({', '.join(sorted(TRANSFORMS))})",
        ),
        (
            ["transform.unit=word"],
            "--set: 'transform.unit' belongs to transform 'reverse', but the transform is 'none' (default); leave "
            "it out or choose transform 'reverse'",
        ),
        (
            ["transform.name=reverse", "transform.unitt=word"],
            "--set: unknown key 'transform.unitt'; did you mean 'transform.unit'?",
        ),
        (
            ["transform.name=reverse", "transform.segment_words=3"],
            "--set: 'transform.segment_words' has no effect here: it is for unit 'segment', and this is 'word'; "
            "remove it",
        ),
        (
            ["transform.name=spt", "objective.loss_on=completion"],
            "--set: objective.loss_on is 'completion'; expected 'sequence' beside transform 'spt', whose rows have no "
            "prompt; leave it out",
        ),
        (
            [
                "objective={name='mlm-u', decoder='maskgit', placeholder='learned', eos_padding=8}",
                "evaluation.max_new_tokens=9",
            ],
            "--set: objective.eos_padding is 8; expected evaluation.max_new_tokens, 9, beside decoder 'maskgit', which "
            "writes answers of that length; set one of them",
        ),
        (
            ["transform.name=reverse", "transform.mode=half", "training.epochs=5"],
            "--set: training.epochs is 5; expected a multiple of 2 beside transform 'reverse', which trains one in 2 "
            "of them; change it",
        ),
        (
            ["transform.name=reverse", "transform.mode=half", "training.token_budget=9"],
            "--set: 'transform.mode' has no effect here: it divides training.epochs, and training.token_budget "
            "decides; remove it",
        ),
        (
            ["transform.name=reverse", "transform.tag=true", "objective.name=abi"],
            "--set: transform 'reverse' needs a token of its own; expected none beside objective 'abi', which has "
            "tokens for blanks; leave out its tag, or unit 'segment'",
        ),
        (
            ["transform.name=spt", "objective.name=none"],
            "--set: 'transform.name' has no effect here: it is for a training, and objective 'none' has none; "
            "remove it",
        ),
        (["transform.name=[]"], "--set: 'transform.name' is a list; expected one name; put lists in [grid]"),
        (
            ["transform.name=both", "transform.share=0"],
            "--set: transform.share is 0; expected more than 0.0",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(assignments, message):
    assert mistake("", *assignments) == message


def test_in_a_grid_over_objectives_the_untrained_run_has_no_transform():
    specs = load("[grid]\nobjective.name = ['ntp', 'none']\n[transform]\nname = 'reverse'\nunit = 'entity'\n").specs
    assert [spec.transform for spec in specs] == [Reverse(unit="entity"), Identity()]


def test_half_the_epochs_are_trained():
    spec = load("", "transform={name='reverse', mode='half'}", "training={epochs=8, stop_after_epochs=6}").specs[0]
    assert (spec.training.epochs, spec.shortened_training.epochs) == (8, 4)
    assert (spec.training.last_epoch, spec.shortened_training.last_epoch) == (6, 3)
    plain = load("").specs[0]
    assert plain.shortened_training == plain.training


def test_tables_name_objective_and_transform():
    spec = load("", "transform={name='reverse', mode='half'}").specs[0]
    assert variant(stored(spec)) == "ntp + reverse (word)"
    assert settings_label(stored(spec)).endswith("transform reverse, unit=word, mode=half, tag=False, segment_words=10")
    assert variant(stored(load("").specs[0])) == "ntp"
    assert variant(stored(load("", "objective.name=abi", "transform.name=spt").specs[0])) == "abi (single) + spt"
    assert variant(stored(load("", "objective.name=mlm-u").specs[0])) == "mlm-u (denoise)"
    assert variant(stored(load("", "objective.name=bico").specs[0])) == "bico"
    without = stored(load("", "objective.name=mlm-u").specs[0]).model_copy(
        update={"objective": StoredObjective(name="mlm-u")}
    )
    assert variant(without) == "mlm-u (denoise)"  # of a version that had no other decoder
    denoised = load("", "objective={name='bico', decoder='denoise'}").specs[0]
    assert variant(stored(denoised)) == "bico (denoise)"
    causal = load("", "model.name=tiny-glm", "objective.glm_form=causal").specs[0]
    assert variant(stored(causal)) == "ntp (causal)"


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_has_defaults_and_unused_options_that_exist(name):
    transform = TRANSFORMS[name]()
    assert transform.name == name and transform.summary
    assert transform.unused().keys() <= TRANSFORMS[name].model_fields.keys()
    assert transform.is_identity == (name == "none")
