"""What log-probabilities say about each row of a subtask: the right answer's rank, and a multiple choice."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reversal_cli.data.base import Example, Splits
from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Measured
from reversal_cli.inference.batching import longest_first
from reversal_cli.inference.finite import asking
from reversal_cli.inference.likelihood import Likelihood, Question, encode_question, fits, score_candidates
from reversal_cli.models.base import Loaded
from reversal_cli.runs.records import ChoiceMade, Ranking
from reversal_cli.scoring.choice import Choice, make_choice
from reversal_cli.scoring.ranking import Answers, other_entities, rank
from reversal_cli.spec.experiment import ObjectiveSpec


class _Row(NamedTuple):
    """What is asked about one row."""

    index: int  # type: ignore[assignment]  # a tuple's own index is not needed
    example: Example
    candidates: dict[str, str]
    """Entity -> answer."""
    question: Question
    """All candidates."""
    choice: Choice | None


def measure_rows(
    loaded: Loaded,
    objective: ObjectiveSpec,
    splits: Splits,
    subtask: str,
    rows: Sequence[int],
    seed: int,
    batch_size: int,
) -> Iterator[list[Measured]]:
    """Yields batches of measured rows, longest prompts first. No row depends on the batch it is in.

    rows: indices into the examples of `subtask`. seed: decides the other entity, the distractors and their order.
    Raises ReversalError when a prompt is too long for the model, a batch does not fit into memory, or a likelihood is
    not finite.
    """
    examples = splits.subtasks[subtask].examples
    answers = Answers.of(splits, splits.subtasks[subtask].target)
    others = other_entities(answers, [example.entity_id for example in examples], seed, subtask)
    loaded.model.eval()
    for indices in longest_first(rows, lambda row: len(examples[row].prompt), batch_size):
        batch = [_ask(loaded, objective, subtask, row, examples[row], answers, seed) for row in indices]
        with asking([row.example.prompt for row in batch]):
            scored = score_candidates(loaded.model, [row.question for row in batch], batch_size)
        chosen = _choose(loaded, objective, batch, batch_size)
        yield [
            Measured(row.index, _ranking(row, likelihoods, others), chosen.get(row.index))
            for row, likelihoods in zip(batch, scored, strict=True)
        ]


def _ask(
    loaded: Loaded, objective: ObjectiveSpec, subtask: str, row: int, example: Example, answers: Answers, seed: int
) -> _Row:
    candidates = answers.candidates(example)
    question = encode_question(loaded, objective, example.prompt, list(candidates.values()))
    if not fits(question, loaded.max_position):
        raise ReversalError(
            f"{subtask}/{row}: a prompt of {len(question.prompt.input_ids)} tokens with a candidate of "
            f"{max(map(len, question.candidates))}; expected at most position {loaded.max_position}, the last one this "
            "model has; shorten the prompt, or leave the ranking out (`reversal eval --no-likelihood`)"
        )
    choice = make_choice(example.prompt, candidates, example.entity_id, seed, f"{subtask}/{row}")
    return _Row(row, example, candidates, question, choice)


def _ranking(row: _Row, likelihoods: Sequence[Likelihood], others: dict[str, str]) -> Ranking:
    """The rank by summed and by per-token log-probability; without `other_...` where there is no other entity."""
    by_entity = dict(zip(row.candidates, likelihoods, strict=True))
    entity, other = row.example.entity_id, others.get(row.example.entity_id)
    target = list(by_entity).index(entity)
    ranking = Ranking(
        rank=rank([likelihood.log_probability for likelihood in likelihoods], target),
        rank_normalized=rank([likelihood.per_token for likelihood in likelihoods], target),
        candidates=len(likelihoods),
        log_probability=by_entity[entity].log_probability,
        tokens=by_entity[entity].tokens,
    )
    if other is None:
        return ranking
    compared = {"other_entity": other, "other_log_probability": by_entity[other].log_probability}
    return ranking.model_copy(update=compared)


def _choose(loaded: Loaded, objective: ObjectiveSpec, batch: Sequence[_Row], batch_size: int) -> dict[int, ChoiceMade]:
    """Row -> the letter chosen, for the rows whose question the model can read."""
    choices = {row.index: row.choice for row in batch if row.choice}
    encoded = {index: encode_question(loaded, objective, c.text, c.answers) for index, c in choices.items()}
    questions = {index: question for index, question in encoded.items() if fits(question, loaded.max_position)}
    with asking([row.example.prompt for row in batch if row.index in questions]):
        scored = score_candidates(loaded.model, list(questions.values()), batch_size) if questions else []
    return {
        index: ChoiceMade(
            options=list(choices[index].options),
            correct=choices[index].correct,
            chosen=choices[index].chosen([likelihood.log_probability for likelihood in likelihoods]),
        )
        for index, likelihoods in zip(questions, scored, strict=True)
    }
