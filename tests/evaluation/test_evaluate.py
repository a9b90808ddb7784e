"""Prompts -> predictions -> metrics, with completions made up by the test."""

import json
from collections.abc import Iterator, Sequence

import pytest
from people_splits import six_people
from raw_records import raw_prediction, raw_predictions, write_raw_predictions
from report_runs import manifest

from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Splits, Subtask
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.evaluate import count_prompts, evaluate
from reversal_cli.evaluation.predictions import select_examples
from reversal_cli.files.reading import read_json
from reversal_cli.inference.answers import Completion, Measured
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.records import ChoiceMade, Ranking
from reversal_cli.scoring import TEXT_SCORES
from reversal_cli.spec.experiment import EvaluationSpec

ENTITIES, TEMPLATES = 3, 2
SETTINGS = EvaluationSpec(batch_size=2, controls=False, likelihood=False)


def make_splits(word: str = "prompt") -> Splits:
    """Three entities x two templates; the target of entity 1 is `answer 1`."""
    subtasks = {}
    for name in SUBTASKS:
        examples = tuple(
            Example(f"{name} {word} {entity}/{template}", f" answer {entity}", f"entity-{entity}", f"t{template}")
            for entity in range(ENTITIES)
            for template in range(TEMPLATES)
        )
        subtasks[name] = Subtask(name, TARGETS[name], examples)
    return Splits((), subtasks, {f"{stem}.jsonl": "0" * 64 for stem in SUBTASKS.values()})


class FakeModel:
    """Answers `answer 0` to everything, in batches of two, last prompt first; can be interrupted."""

    def __init__(self, interrupted_after: int | None = None):
        self.prompts: list[str] = []
        self.batches_left = interrupted_after

    def __call__(self, prompts: Sequence[str]) -> Iterator[list[Completion]]:
        for start in reversed(range(0, len(prompts), 2)):
            if self.batches_left == 0:
                raise KeyboardInterrupt
            if self.batches_left is not None:
                self.batches_left -= 1
            self.prompts += prompts[start : start + 2]
            yield [Completion(i, " answer 0", True) for i in range(start, min(start + 2, len(prompts)))]


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    run = RunDirectory(tmp_path / "seed-0")
    write_manifest(run)
    return run


def write_manifest(run: RunDirectory) -> None:
    write_json(run.manifest_path, manifest("x", "none", 0, "tiny-llama", "a", 1) | {"digest": "abc"})


def test_the_accuracy_is_the_share_of_right_completions(run):
    """One of three entities is answered `answer 0` rightly."""
    metrics = evaluate(run, FakeModel(), make_splits(), SETTINGS)
    assert list(metrics.subtasks) == list(SUBTASKS)
    for name, measured in metrics.subtasks.items():
        assert (measured.n, measured.entities, measured.target) == (6, 3, TARGETS[name])
        assert list(measured.metrics) == [*TEXT_SCORES, "shortcut", "wrong_entity"]
        assert measured.metrics["contains"].mean == pytest.approx(1 / 3)
        assert measured.metrics["contains"].low < 1 / 3 < measured.metrics["contains"].high


def test_a_full_evaluation_writes_metrics_that_say_what_was_measured(run):
    metrics = evaluate(run, FakeModel(), make_splits(), SETTINGS)
    assert run.metrics == metrics
    assert read_json(run.metrics_path) == metrics.content()
    assert metrics.complete is True
    assert metrics.digest == "abc"
    assert metrics.dataset == make_splits().sha256
    assert metrics.evaluation == SETTINGS.model_dump()
    assert metrics.definitions["contains"] == "contains/1"
    assert set(metrics.versions) == {"sacrebleu", "torch", "transformers"}


def test_predictions_lie_in_dataset_order_with_everything_that_was_scored(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS)
    records = run.read_predictions("N2D")
    assert [record.id for record in records] == [f"N2D/{i}" for i in range(6)]
    assert records[2].content() == {
        "id": "N2D/2",
        "entity_id": "entity-1",
        "template_id": "t0",
        "prompt": "N2D prompt 1/0",
        "target": "answer 1",
        "completion": " answer 0",
        "stopped": True,
        "named_entity": "entity-0",
        "scores": records[2].scores,
    }
    assert (records[2].scores["contains"], records[2].scores["wrong_entity"]) == (0, 1)
    assert records[0].scores["contains"] == 1


@pytest.mark.parametrize("batches", range(4 * 3))
def test_an_interrupted_evaluation_ends_as_if_it_had_not_been_interrupted(run, tmp_path, batches):
    reference = RunDirectory(tmp_path / "reference" / "seed-0")
    write_manifest(reference)
    evaluate(reference, FakeModel(), make_splits(), SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, FakeModel(interrupted_after=batches), make_splits(), SETTINGS)
    assert not run.is_complete

    second = FakeModel()
    evaluate(run, second, make_splits(), SETTINGS)
    assert len(second.prompts) == 4 * 6 - 2 * batches
    assert run.metrics_path.read_bytes() == reference.metrics_path.read_bytes()
    for name in SUBTASKS:
        assert run.predictions_path(name).read_bytes() == reference.predictions_path(name).read_bytes()


def test_a_line_cut_by_an_interruption_is_predicted_again(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS)
    path = run.predictions_path("N2D")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, FakeModel(interrupted_after=0), make_splits(), SETTINGS)
    again = FakeModel()
    evaluate(run, again, make_splits(), SETTINGS)
    assert again.prompts == ["N2D prompt 2/1"]
    assert path.read_bytes() == whole


def test_scores_on_disk_are_computed_anew(run):
    """So that a metric added later needs no new generation."""
    evaluate(run, FakeModel(), make_splits(), SETTINGS)
    records = run.read_predictions("N2D")
    run.write_predictions("N2D", [record.model_copy(update={"scores": {"contains": 1.0}}) for record in records])
    model = FakeModel()
    evaluate(run, model, make_splits(), SETTINGS)
    assert model.prompts == []
    assert run.read_predictions("N2D") == records


def test_predictions_for_other_prompts_are_an_error_and_stay(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS)
    before = run.predictions_path("N2D").read_bytes()
    with pytest.raises(ReversalError, match=r"N2D\.jsonl: found N2D/0 with another prompt .*; expected .*; restore"):
        evaluate(run, FakeModel(), make_splits(word="other"), SETTINGS)
    assert run.predictions_path("N2D").read_bytes() == before


@pytest.mark.parametrize("record", [{}, {"id": "N2D/6"}, {"id": "N2D/x"}, {"id": 3}, [], {"id": "N2D/-1"}])
def test_a_line_that_is_no_prediction_is_an_error_in_one_line(run, record):
    if record and isinstance(record, dict):
        record = raw_prediction("") | record
    run.predictions_path("N2D").parent.mkdir(parents=True)
    run.predictions_path("N2D").write_text(json.dumps(record) + "\n")
    with pytest.raises(ReversalError, match=r"N2D\.jsonl:(1: (id|it) is|1: lacks 'id'| found)"):
        evaluate(run, FakeModel(), make_splits(), SETTINGS)


def test_a_limit_spreads_over_entities_and_templates():
    """Three entities, each in two templates: a1 b2 c1 a2 ..."""
    examples = make_splits().subtasks["N2D"].examples
    assert select_examples(examples, 2) == [0, 3]
    assert select_examples(examples, 4) == [0, 1, 3, 4]
    assert select_examples(examples, None) == select_examples(examples, 99) == list(range(6))


def test_a_limited_evaluation_returns_metrics_but_does_not_complete_the_run(run):
    metrics = evaluate(run, FakeModel(), make_splits(), SETTINGS, limit=3)
    assert metrics.complete is False
    assert not run.is_complete
    assert {name: measured.n for name, measured in metrics.subtasks.items()} == dict.fromkeys(SUBTASKS, 3)
    assert metrics.subtasks["N2D"].entities == 3


def test_one_subtask_does_not_complete_the_run(run):
    metrics = evaluate(run, FakeModel(), make_splits(), SETTINGS, subtasks=["D2N"])
    assert list(metrics.subtasks) == ["D2N"]
    assert metrics.complete is False
    assert not run.is_complete


def test_partial_evaluations_count_for_the_full_one_and_lose_nothing(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS, subtasks=["D2N"])
    evaluate(run, FakeModel(), make_splits(), SETTINGS, limit=3)
    assert len(run.read_predictions("D2N")) == 6
    rest = FakeModel()
    assert evaluate(run, rest, make_splits(), SETTINGS).complete is True
    assert len(rest.prompts) == 3 * 3


def test_progress_counts_what_was_there_before(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS, subtasks=["N2D"], limit=3)
    calls = []
    evaluate(run, FakeModel(), make_splits(), SETTINGS, subtasks=["N2D"], on_progress=lambda *call: calls.append(call))
    assert calls == [("generation", "N2D", 3), ("generation", "N2D", 4), ("generation", "N2D", 6)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, r"--limit: found 0; expected at least 1 .*; leave it out"),
        ({"subtasks": ["N2D-revers"]}, r"--subtask: unknown subtask 'N2D-revers'; did you mean 'N2D-reverse'\?"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_is_expected(run, options, message):
    with pytest.raises(ReversalError, match=message):
        evaluate(run, FakeModel(), make_splits(), SETTINGS, **options)


WITH_LIKELIHOOD = SETTINGS.model_copy(update={"likelihood": True})


class FakeMeasure:
    """Ranks every target third by its sum and first per token, two rows at a time; chooses A where B is right."""

    def __init__(self, interrupted_after: int | None = None):
        self.rows: list[tuple[str, int]] = []
        self.batches_left = interrupted_after

    def __call__(self, subtask: str, rows: Sequence[int]) -> Iterator[list[Measured]]:
        for start in reversed(range(0, len(rows), 2)):
            if self.batches_left == 0:
                raise KeyboardInterrupt
            if self.batches_left is not None:
                self.batches_left -= 1
            batch = list(rows[start : start + 2])
            self.rows += [(subtask, row) for row in batch]
            other = {"other_entity": "entity-9", "other_log_probability": -7.5}
            ranking = Ranking(rank=3, rank_normalized=1, candidates=6, log_probability=-5.0, tokens=2, **other)
            choice = ChoiceMade(options=["x", "y"], correct="B", chosen="A")
            yield [Measured(row, ranking, choice) for row in batch]


def test_likelihood_measures_become_scores_and_a_gap(run):
    metrics = evaluate(run, FakeModel(), make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure())
    for measured in metrics.subtasks.values():
        means = {name: value.mean for name, value in measured.metrics.items()}
        assert (means["rank_top1"], means["mrr"]) == (0, pytest.approx(1 / 3))
        assert (means["rank_top1_normalized"], means["mrr_normalized"], means["multiple_choice"]) == (1, 1, 0)
        assert (measured.candidates, measured.log_probability_gap.mean) == (6, 2.5)
    record = run.read_predictions("D2N")[4]
    assert (record.id, record.ranking.rank, record.choice.chosen) == ("D2N/4", 3, "A")


@pytest.mark.parametrize("batches", (0, 1, 4, 11))
def test_an_interrupted_measurement_ends_as_if_it_had_not_been_interrupted(run, tmp_path, batches):
    reference = RunDirectory(tmp_path / "reference" / "seed-0")
    write_manifest(reference)
    evaluate(reference, FakeModel(), make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure())
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, FakeModel(), make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure(interrupted_after=batches))
    again, measure = FakeModel(), FakeMeasure()
    evaluate(run, again, make_splits(), WITH_LIKELIHOOD, measure=measure)
    assert len(measure.rows) == 4 * 6 - 2 * batches
    assert run.metrics_path.read_bytes() == reference.metrics_path.read_bytes()
    for name in SUBTASKS:
        assert run.predictions_path(name).read_bytes() == reference.predictions_path(name).read_bytes()


def test_predictions_of_an_evaluation_without_likelihood_are_measured_later(run):
    evaluate(run, FakeModel(), make_splits(), SETTINGS)
    again = FakeModel()
    metrics = evaluate(run, again, make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure())
    assert again.prompts == []
    assert "mrr" in metrics.subtasks["N2D"].metrics


def test_a_metric_that_one_prediction_lacks_has_no_mean(run):
    evaluate(run, FakeModel(), make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure())
    records = raw_predictions(run, "N2D")
    del records[3]["choice"], records[3]["scores"]["multiple_choice"]
    write_raw_predictions(run, "N2D", records)
    metrics = evaluate(run, FakeModel(), make_splits(), WITH_LIKELIHOOD, measure=FakeMeasure())
    assert "multiple_choice" not in metrics.subtasks["N2D"].metrics
    assert "multiple_choice" in metrics.subtasks["D2N"].metrics


def test_controls_and_floors_stand_beside_the_subtasks_of_a_full_evaluation(run):
    settings = SETTINGS.model_copy(update={"controls": True})
    splits = six_people()
    model = FakeModel()
    metrics = evaluate(run, model, splits, settings)
    assert {name: list(measured) for name, measured in metrics.controls.items()} == {
        "both-directions": ["N2D", "D2N"],
        "in-context": list(SUBTASKS),
    }
    assert set(metrics.floors) == {"wrong entity", "other wording"}
    assert count_prompts(splits, settings, None, None) == {"generation": len(model.prompts), "ranking": 0}
    asked = [record.prompt for record in run.read_predictions("in-context/D2N")]
    assert len(asked) == metrics.controls["in-context"]["D2N"].n == len(splits.subtasks["D2N"].examples)


def test_a_partial_evaluation_asks_no_controls(run):
    metrics = evaluate(run, FakeModel(), six_people(), SETTINGS.model_copy(update={"controls": True}), limit=2)
    assert metrics.controls == metrics.floors == {}
