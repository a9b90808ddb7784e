"""`[[rows]]`: settings that go together, where a grid would make every combination."""

from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.spec.loading import Experiment, Setting, load_experiment

TWO_ROWS = """
[[rows]]
model.name = "tiny-llama"
objective.name = "bico"

[[rows]]
model.name = "tiny-glm"
objective = {name = "abi", span_policy = "entity"}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *settings: Setting) -> Experiment:
    Path("x.toml").write_text(text)
    return load_experiment(Path("x.toml"), settings)


def test_every_row_is_a_run_with_its_own_recipe_and_folder():
    bico, abi = load("training.epochs = 3" + TWO_ROWS).specs
    assert (bico.name, bico.model.name, bico.objective.name) == ("x/tiny-llama-bico", "tiny-llama", "bico")
    assert (abi.name, abi.model.name, abi.objective.span_policy) == ("x/tiny-glm-abi-entity", "tiny-glm", "entity")
    assert (bico.training.epochs, abi.training.epochs) == (3, 3)
    assert (bico.training.weight_decay, abi.training.weight_decay) != (abi.training.weight_decay,) * 2


def test_a_row_wins_over_the_same_key_above_the_rows():
    text = """
    objective.name = "bico"
    training = {epochs = 3, batch_size = 8}
    [[rows]]
    objective.mask_probability = 0.5
    [[rows]]
    objective.mask_probability = [0.1, 0.9]
    training.epochs = 2
    """
    first, second = load(text).specs
    assert (first.name, first.training.epochs, first.training.batch_size) == ("x/0.5", 3, 8)
    assert (second.name, second.training.epochs, second.training.batch_size) == ("x/0.1-0.9-2", 2, 8)


def test_every_model_of_the_rows_has_one_untrained_baseline():
    names = [
        spec.name for spec in load(TWO_ROWS + TWO_ROWS.replace("bico", "ntp").replace("entity", "random")).baselines
    ]
    assert names == ["x/tiny-llama-untrained", "x/tiny-glm-untrained"]


def test_a_grid_multiplies_the_rows():
    specs = load(TWO_ROWS + "[grid]\nseed = [0, 1]").specs
    assert [(spec.objective.name, spec.seed) for spec in specs] == [("bico", 0), ("bico", 1), ("abi", 0), ("abi", 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rows = 3", "x.toml: rows is 3; expected tables that begin with [[rows]]"),
        ("rows = []", "x.toml: rows is []; expected tables that begin with [[rows]]"),
        (
            "[[rows]]\nname = 'y'",
            "x.toml: name and baseline cannot vary between rows; set them above the first [[rows]]",
        ),
        ("[[rows]]\nsed = 1", "x.toml: unknown key 'sed'; did you mean 'seed'?"),
        ("[[rows]]\nseed = 2\n[grid]\nseed = [3]", "x.toml: 'seed' is given twice; keep one of them"),
        ("[[rows]]\nseed = 1\n[[rows]]\nseed = 1", "two runs would share the folder x/seed-1"),
    ],
)
def test_a_mistake_in_rows_is_one_line(text, message):
    with pytest.raises(ReversalError) as error:
        load(text)
    assert message in str(error.value)


def test_a_flag_may_not_replace_what_the_rows_differ_in():
    with pytest.raises(ReversalError, match=r"--set: 'model\.name' is what the \[\[rows\]\] of x\.toml differ in"):
        load(TWO_ROWS, Setting("model.name", "tiny-glm", "--set"))
