"""Likelihood measures of the examples of a subtask: the rank of the right answer, and a multiple choice."""

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


class _Case(NamedTuple):
    """An example with the questions that the model gets."""

    position: int
    """Index of the example in its subtask."""
    example: Example
    candidates: dict[str, str]
    """Entity -> answer."""
    question: Question
    """The prompt with all candidates."""
    choice: Choice | None


def measure_examples(
    loaded: Loaded,
    objective: ObjectiveSpec,
    splits: Splits,
    subtask: str,
    positions: Sequence[int],
    seed: int,
    batch_size: int,
) -> Iterator[list[Measured]]:
    """Yields batches of measures, longest prompts first. No measure depends on the batch it is in.

    positions: indices into the examples of `subtask`. seed: fixes the other entity, the distractors and their order.
    Raises ReversalError if a prompt is too long for the model, a batch does not fit into memory, or a likelihood is
    not finite.
    """
    examples = splits.subtasks[subtask].examples
    answers = Answers.of(splits, splits.subtasks[subtask].target)
    others = other_entities(answers, [example.entity_id for example in examples], seed, subtask)
    loaded.model.eval()
    for indices in longest_first(positions, lambda position: len(examples[position].prompt), batch_size):
        batch = [_case(loaded, objective, subtask, index, examples[index], answers, seed) for index in indices]
        with asking([case.example.prompt for case in batch]):
            all_likelihoods = score_candidates(loaded.model, [case.question for case in batch], batch_size)
        choices = _choose(loaded, objective, batch, batch_size)
        yield [
            Measured(case.position, _ranking(case, likelihoods, others), choices.get(case.position))
            for case, likelihoods in zip(batch, all_likelihoods, strict=True)
        ]


def _case(
    loaded: Loaded, objective: ObjectiveSpec, subtask: str, position: int, example: Example, answers: Answers, seed: int
) -> _Case:
    """Raises ReversalError if the prompt with its longest candidate is too long for the model."""
    candidates = answers.candidates(example)
    question = encode_question(loaded, objective, example.prompt, list(candidates.values()))
    if not fits(question, loaded.max_position):
        raise ReversalError(
            f"{subtask}/{position}: a prompt of {len(question.prompt.input_ids)} tokens with a candidate of "
            f"{max(map(len, question.candidates))}; expected at most position {loaded.max_position}, the last one this "
            "model has; shorten the prompt, or leave the ranking out (`reversal eval --no-likelihood`)"
        )
    choice = make_choice(example.prompt, candidates, example.entity_id, seed, f"{subtask}/{position}")
    return _Case(position, example, candidates, question, choice)


def _ranking(case: _Case, likelihoods: Sequence[Likelihood], others: dict[str, str]) -> Ranking:
    """The rank by summed and by per-token log-probability; without `other_...` if there is no other entity."""
    by_entity = dict(zip(case.candidates, likelihoods, strict=True))
    entity, other = case.example.entity_id, others.get(case.example.entity_id)
    target = list(by_entity).index(entity)
    ranking = Ranking(
        rank=rank([likelihood.log_probability for likelihood in likelihoods], target),
        rank_normalized=rank([likelihood.per_token for likelihood in likelihoods], target),
        candidates=len(likelihoods),
        log_probability=by_entity[entity].log_probability,
        tokens=by_entity[entity].tokens,
        log_probabilities={key: round(value.log_probability, 6) for key, value in by_entity.items()},
    )
    if other is None:
        return ranking
    comparison = {"other_entity": other, "other_log_probability": by_entity[other].log_probability}
    return ranking.model_copy(update=comparison)


def _choose(loaded: Loaded, objective: ObjectiveSpec, batch: Sequence[_Case], batch_size: int) -> dict[int, ChoiceMade]:
    """Position -> the model's choice; without questions that are too long for the model."""
    choices = {case.position: case.choice for case in batch if case.choice}
    encoded = {position: encode_question(loaded, objective, c.text, c.answers) for position, c in choices.items()}
    questions = {position: question for position, question in encoded.items() if fits(question, loaded.max_position)}
    with asking([case.example.prompt for case in batch if case.position in questions]):
        scores = score_candidates(loaded.model, list(questions.values()), batch_size) if questions else []
    return {
        position: ChoiceMade(
            options=list(choices[position].options),
            correct=choices[position].correct,
            chosen=choices[position].chosen([likelihood.log_probability for likelihood in likelihoods]),
        )
        for position, likelihoods in zip(questions, scores, strict=True)
    }
