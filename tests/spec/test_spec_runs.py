"""`[[runs]]`: settings that go together, where a grid would make every combination."""

from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.spec.loading import Experiment, Setting, load_experiment

TWO_RUNS = """
[[runs]]
model.name = "tiny-llama"
objective.name = "bico"

[[runs]]
model.name = "tiny-glm"
objective = {name = "abi", span_policy = "entity"}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *settings: Setting) -> Experiment:
    Path("x.toml").write_text(text)
    return load_experiment(Path("x.toml"), settings)


def test_every_table_is_a_run_with_its_own_recipe_and_folder():
    bico, abi = load("training.epochs = 3" + TWO_RUNS).specs
    assert (bico.name, bico.model.name, bico.objective.name) == ("x/tiny-llama-bico", "tiny-llama", "bico")
    assert (abi.name, abi.model.name, abi.objective.span_policy) == ("x/tiny-glm-abi-entity", "tiny-glm", "entity")
    assert (bico.training.epochs, abi.training.epochs) == (3, 3)
    assert (bico.training.weight_decay, abi.training.weight_decay) != (abi.training.weight_decay,) * 2


def test_a_run_wins_over_the_same_key_above_the_runs():
    text = """
    objective.name = "bico"
    training = {epochs = 3, batch_size = 8}
    [[runs]]
    objective.mask_probability = 0.5
    [[runs]]
    objective.mask_probability = [0.1, 0.9]
    training.epochs = 2
    """
    first, second = load(text).specs
    assert (first.name, first.training.epochs, first.training.batch_size) == ("x/0.5", 3, 8)
    assert (second.name, second.training.epochs, second.training.batch_size) == ("x/0.1-0.9-2", 2, 8)


def test_every_model_of_the_runs_has_one_untrained_baseline():
    names = [
        spec.name for spec in load(TWO_RUNS + TWO_RUNS.replace("bico", "ntp").replace("entity", "random")).baselines
    ]
    assert names == ["x/tiny-llama-untrained", "x/tiny-glm-untrained"]


def test_a_grid_multiplies_the_runs():
    specs = load(TWO_RUNS + "[grid]\nseed = [0, 1]").specs
    assert [(spec.objective.name, spec.seed) for spec in specs] == [("bico", 0), ("bico", 1), ("abi", 0), ("abi", 1)]


def test_runs_that_would_have_one_name_are_told_apart_by_the_keys_of_their_values():
    text = "[objective]\nname = 'bico'\n[grid]\nseed = [0, 1]\n[[runs]]\nobjective.name = 'bico'\n"
    rate, share = "[[runs]]\nobjective.mask_probability = 0.5\n", "[[runs]]\nobjective.bico_share = 0.5\n"
    alone = [spec.name for spec in load(text + rate).specs]
    assert alone == ["x/bico", "x/bico", "x/0.5", "x/0.5"]
    both = [spec.name for spec in load(text + rate + share).specs]
    assert both[::2] == both[1::2] == ["x/bico", "x/mask_probability=0.5", "x/bico_share=0.5"]


def test_a_run_may_have_a_name_of_its_own_beside_its_place_in_the_grid():
    text = "[[runs]]\nname = 'best'\nobjective.name = 'bico'\ntraining.learning_rate = 0.1\n"
    text += "[[runs]]\nobjective.name = 'ntp'\n"
    assert [spec.name for spec in load(text).specs] == ["x/best", "x/ntp"]
    assert load(text).specs[0].training.learning_rate == 0.1
    in_a_grid = load(text + "[grid]\nseed = [0, 1]\ntraining.weight_decay = [0.0, 1.0]\n").specs
    assert list(dict.fromkeys(spec.name for spec in in_a_grid)) == [
        "x/best-0.0",
        "x/best-1.0",
        "x/ntp-0.0",
        "x/ntp-1.0",
    ]
    renamed = load(text, Setting("name", "y", "--name"))
    assert [spec.name for spec in renamed.specs] == ["y/best", "y/ntp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs = 3", "x.toml: runs is 3; expected tables that begin with [[runs]]"),
        ("runs = []", "x.toml: runs is []; expected tables that begin with [[runs]]"),
        (
            "[[runs]]\nbaseline = false",
            "x.toml: baseline cannot vary between runs; set it above the first [[runs]]",
        ),
        ("[[runs]]\nname = 3", "x.toml: the name of a run is 3; expected letters, digits and ._+=-; correct it"),
        ("[[runs]]\nname = ''", "x.toml: the name of a run is ''; expected letters"),
        ("[[runs]]\nname = 'a/b'", "x.toml: the name of a run is 'a/b'; expected letters"),
        ("[[runs]]\nname = 'untrained'", "x.toml: two runs would share the folder x/untrained/seed-0"),
        ("[[runs]]\nname = 'y'\n[[runs]]\nname = 'y'\nseed = 0", "two runs would share the folder x/y/seed-0"),
        ("rows = 3", "x.toml: rows is 3; expected tables that begin with [[runs]]"),
        ("[[runs]]\nseed = 1\n[[rows]]\nseed = 2", "x.toml: has [[runs]] and [[rows]]; expected one of them"),
        ("[[runs]]\nsed = 1", "x.toml: unknown key 'sed'; did you mean 'seed'?"),
        ("[[runs]]\nseed = 2\n[grid]\nseed = [3]", "x.toml: 'seed' is given twice; keep one of them"),
        ("[[runs]]\nseed = 1\n[[runs]]\nseed = 1", "two runs would share the folder x/seed-1"),
        ("[grid]\ntraining = [{epochs = 1}, {epochs = 2}]", "grid key 'training' lists tables; expected single values"),
        (
            "[grid]\nobjective = [{name = 'ntp'}, {name = 'bico'}]",
            "as one of [[runs]], or name the field (objective.FIELD = [...])",
        ),
        ("[grid]\nobjective.name = ['ntp', 'bicco']", "x.toml: unknown objective 'bicco'; did you mean 'bico'?"),
        ("[[runs]]\ntransform.name = 'revers'", "x.toml: unknown transform 'revers'; did you mean 'reverse'?"),
        ("[grid]\nobjective.name = [3]", "x.toml: 'objective.name' is 3; expected a name; correct it"),
        ("kind = 'experiment'", "x.toml: kind = 'experiment'; expected an experiment, which has none; remove the line"),
        ("model.name = ''", "x.toml: model.name is ''; expected a text that is not empty"),
        ("dataset.path = ''", "x.toml: dataset.path is ''; expected a text that is not empty"),
        (
            "objective.name = 'bico'\nobjective.mask_prob = 0.3",
            "unknown key 'objective.mask_prob'; did you mean 'objective.mask_probability'?",
        ),
        ("model.name = true", "x.toml: 'model.name' is True; expected a name; correct it"),
        ("[objective]\nname = {}", "x.toml: 'objective.name' is {}; expected a name; correct it"),
        (
            "[[runs]]\nobjective.bico_share = 0.4\n[[runs]]\nobjective.name = 'bico'",
            "x.toml: 'objective.bico_share' belongs to objective 'bico', but the objective is 'ntp' (default)",
        ),
        (
            "objective.name = 'bico'\n[[runs]]\nobjective.bico_share = 0.0\nobjective.mask_probability = 0.3\n"
            "[[runs]]\nobjective.mask_probability = 0.5",
            "x.toml: 'objective.mask_probability' has no effect here: it is for denoising batches",
        ),
        (
            "[grid]\nobjective.name = ['ntp', 'abi']\nobjective.max_span = [1, 2]",
            "x/ntp-1 and x/ntp-2 are one run, seed 0, under two names (objective.max_span makes no difference)",
        ),
        ("[grid]\ntraining.weight_decay = [0, 0.0]", "x.toml: x/0 and x/0.0 are one run, seed 0, under two names"),
    ],
)
def test_a_mistake_in_runs_is_one_line(text, message):
    with pytest.raises(ReversalError) as error:
        load(text)
    assert message in str(error.value)


def test_an_option_of_a_run_may_be_for_some_of_its_points():
    text = "[[runs]]\nobjective.bico_share = 0.4\n[grid]\nobjective.name = ['ntp', 'bico']\n"
    specs = load(text).specs
    assert [spec.objective.name for spec in specs] == ["ntp", "bico"] and specs[1].objective.bico_share == 0.4


def test_an_option_of_a_run_may_have_no_effect_in_some_of_its_points_but_must_in_one():
    runs = "objective.name = 'bico'\n[[runs]]\nobjective.positions = 'plain'\n[[runs]]\nobjective.bico_share = 0.5\n"
    specs = load(runs + "[grid]\nmodel.name = ['tiny-llama', 'tiny-glm']\n").specs
    assert [spec.objective.positions for spec in specs] == ["plain", "mirrored", "mirrored", "mirrored"]
    with pytest.raises(ReversalError, match=r"'objective\.positions' has no effect here"):
        load(runs.replace("'plain'\n", "'plain'\nmodel.name = 'tiny-glm'\n"))


def test_a_flag_may_not_replace_what_the_runs_differ_in():
    with pytest.raises(ReversalError, match=r"--set: 'model\.name' is what the \[\[runs\]\] of x\.toml differ in"):
        load(TWO_RUNS, Setting("model.name", "tiny-glm", "--set"))


def test_rows_is_the_old_name_of_runs_and_gives_the_same_runs_and_a_note():
    new, old = load(TWO_RUNS), load(TWO_RUNS.replace("[[runs]]", "[[rows]]"))
    assert old.specs == new.specs
    assert [spec.digest for spec in old.specs] == [spec.digest for spec in new.specs]
    assert old.notes == ("x.toml: [[rows]] are called [[runs]] now; both are read",)
    assert new.notes == ()


SEEDS = Setting("grid.seed", [3, 4], "--seeds")


def test_seeds_of_the_command_line_multiply_the_runs_and_win_over_the_seeds_of_the_file():
    for text in (TWO_RUNS, "seed = 9\n" + TWO_RUNS, TWO_RUNS + "[grid]\nseed = [0, 1, 2]"):
        specs = load(text, SEEDS).specs
        assert [(spec.name, spec.seed) for spec in specs] == [
            ("x/tiny-llama-bico", 3),
            ("x/tiny-llama-bico", 4),
            ("x/tiny-glm-abi-entity", 3),
            ("x/tiny-glm-abi-entity", 4),
        ]


def test_seeds_of_the_command_line_give_the_runs_of_a_grid_of_seeds():
    assert load("", SEEDS).specs == load("[grid]\nseed = [3, 4]").specs


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("", [SEEDS, Setting("seed", 1, "--seed")], "--seed and --seeds: 'seed' is given twice"),
        ("[[runs]]\nseed = 1", [SEEDS], "--seeds: 'seed' is what the [[runs]] of x.toml differ in"),
        ("", [Setting("grid.seed", [1, 1], "--seeds")], "x.toml: two runs would share the folder x/seed-1"),
        ("", [Setting("grid.seed", 1, "--set")], "--set: grid key 'seed' is 1; expected a list of values"),
    ],
)
def test_seeds_that_contradict_the_rest_are_one_line(text, settings, message):
    with pytest.raises(ReversalError) as error:
        load(text, *settings)
    assert message in str(error.value)
