"""The likelihood measures of rows, from a small generated benchmark and random models."""

import dataclasses

import pytest

from reversal_cli.data.base import Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.ranking import measure_examples
from reversal_cli.inference.answers import Measured
from reversal_cli.inference.likelihood import encode_question, score_candidates
from reversal_cli.models.loading import load_for_training
from reversal_cli.scoring.choice import LETTERS
from reversal_cli.scoring.ranking import Answers
from reversal_cli.spec.experiment import ExperimentSpec

MODELS = [("tiny-llama", {"name": "ntp"}), ("tiny-llama", {"name": "abi"}), ("tiny-glm", {"name": "ntp"})]


@pytest.fixture(scope="module")
def splits(tmp_path_factory) -> Splits:
    options = Options(entities=3, train_templates=2, test_templates=2)
    return load_folder(generate(options, tmp_path_factory.mktemp("small") / "dataset"))


@pytest.fixture(scope="module", params=MODELS, ids=str)
def model(request):
    """A model and its objective."""
    name, objective = request.param
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    spec = ExperimentSpec(name="x", model={"name": name}, objective=objective, training=training)
    return load_for_training(spec), spec.objective


def measured(model, splits: Splits, subtask: str, rows=range(6), batch_size=4, seed=0) -> list[Measured]:
    batches = measure_examples(*model, splits, subtask, rows, seed, batch_size)
    return sorted((row for batch in batches for row in batch), key=lambda row: row.row)


def alone(model, prompt: str, candidate: str):
    """Of one candidate without others."""
    loaded, objective = model
    return score_candidates(loaded.model, [encode_question(loaded, objective, prompt, [candidate])], 1)[0][0]


@pytest.mark.parametrize("subtask", ["N2D", "D2N"])
def test_a_row_says_the_rank_of_its_target_and_how_likely_it_and_another_answer_are(model, splits, subtask):
    examples = splits.subtasks[subtask].examples
    answers = Answers.of(splits, splits.subtasks[subtask].target)
    for row, ranking, _ in measured(model, splits, subtask):
        example = examples[row]
        texts = answers.candidates(example)
        scores = {entity: alone(model, example.prompt, text) for entity, text in texts.items()}
        own, other = scores[example.entity_id], ranking.other_entity
        assert ranking.candidates == len(scores) == 6
        assert ranking.log_probability == pytest.approx(own.log_probability, abs=1e-4)
        assert ranking.tokens == own.tokens
        logs = {entity: likelihood.log_probability for entity, likelihood in scores.items()}
        assert ranking.log_probabilities == pytest.approx(logs, abs=1e-4)
        assert other in {row.entity_id for row in examples} - {example.entity_id}
        assert ranking.other_log_probability == pytest.approx(scores[other].log_probability, abs=1e-4)
        by_sum = sorted(scores, key=lambda entity: -scores[entity].log_probability)
        by_mean = sorted(scores, key=lambda entity: -scores[entity].log_probability / scores[entity].tokens)
        assert ranking.rank == by_sum.index(example.entity_id) + 1
        assert ranking.rank_normalized == by_mean.index(example.entity_id) + 1


def test_the_chosen_letter_is_the_likeliest_after_the_question(model, splits):
    answers = Answers.of(splits, "name")
    for row, _, choice in measured(model, splits, "D2N"):
        example = splits.subtasks["D2N"].examples[row]
        texts = answers.candidates(example)
        assert choice.options[LETTERS.index(choice.correct)] == example.entity_id
        lines = "\n".join(
            f"{letter}. {texts[entity].strip()}" for letter, entity in zip("ABCD", choice.options, strict=True)
        )
        text = f"{example.prompt} ...\n{lines}\nAnswer:"
        assert choice.chosen == max("ABCD", key=lambda letter: alone(model, text, f" {letter}").log_probability)


def test_nothing_depends_on_the_batch_or_on_which_rows_are_measured(model, splits):
    """So that an interrupted evaluation ends as an uninterrupted one, up to rounding."""
    whole = measured(model, splits, "N2D", batch_size=64)
    parts = [*measured(model, splits, "N2D", rows=[4, 1], batch_size=1), *measured(model, splits, "N2D", [0, 5, 2, 3])]
    for expected, found in zip(whole, sorted(parts, key=lambda row: row.row), strict=True):
        assert found.choice == expected.choice
        one, other = found.ranking.content(), expected.ranking.content()
        assert one.pop("log_probabilities") == pytest.approx(other.pop("log_probabilities"), abs=1e-4)
        assert one == pytest.approx(other, abs=1e-4)


def test_rows_come_in_batches_as_they_are_measured(model, splits):
    batches = measure_examples(*model, splits, "N2D", range(6), 0, 4)
    assert len(next(batches)) == 4
    assert [len(batch) for batch in batches] == [2]


def test_a_question_longer_than_the_positions_leaves_the_choice_out(model, splits):
    loaded, objective = model
    short = dataclasses.replace(loaded, max_position=45)
    found = measured((short, objective), splits, "N2D")
    assert all(row.choice is None for row in found)
    assert [row.ranking for row in found] == [row.ranking for row in measured(model, splits, "N2D")]


def test_a_prompt_longer_than_the_positions_is_an_error(model, splits):
    loaded, objective = model
    short = dataclasses.replace(loaded, max_position=9)
    with pytest.raises(
        ReversalError, match=r"D2N/\d: a prompt of \d+ tokens with a candidate of \d+; expected at most"
    ):
        measured((short, objective), splits, "D2N")


def test_a_single_evaluated_person_has_no_other_and_no_choice(model, splits):
    """Of each kind of subtask."""
    subtasks = {
        name: dataclasses.replace(subtask, examples=subtask.examples[:2] if name.startswith("N2D") else ())
        for name, subtask in splits.subtasks.items()
    }
    for row in measured(model, dataclasses.replace(splits, subtasks=subtasks), "N2D", rows=range(2)):
        assert row.choice is None
        assert not {"other_entity", "other_log_probability"} & row.ranking.content().keys()
        assert (row.ranking.rank, row.ranking.candidates) == (1, 1)
