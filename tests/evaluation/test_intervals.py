"""What intervals are over: chosen by an option, said in metrics.json, changed without a new prediction."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fake_stages import FakeStages, install
from report_runs import manifest

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Splits, Subtask
from reversal_cli.evaluation.evaluate import evaluate
from reversal_cli.files.reading import read_json
from reversal_cli.inference.answers import Completion
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.scoring.floors import ScoredExample
from reversal_cli.scoring.summary import summarize
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import EvaluationSpec, ExperimentSpec

RUN = Path("results/x/seed-0")
NAMES = ("Ann Low", "Bo Hay", "Cy Ray", "Di Fox")
FRAMES = ("Known as {},", "Known for {},", "Meet {}:")
SETTINGS = EvaluationSpec(controls=False, likelihood=False)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    return install(monkeypatch, tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "seed-0")
    write_json(run.manifest_path, manifest("x", "none", 0, "tiny-llama", "a", 1))
    return run


def unnamed_splits() -> Splits:
    """Four entities x three templates whose rows name no template, as in the published files."""
    rows = tuple(Example(frame.format(name), f" {name}", name) for name in NAMES for frame in FRAMES)
    subtasks = {name: Subtask(name, TARGETS[name], rows) for name in SUBTASKS}
    return Splits((), subtasks, {f"{stem}.jsonl": "0" * 64 for stem in SUBTASKS.values()})


def answers(prompts: Sequence[str]) -> Iterator[list[Completion]]:
    """Right where the template begins with "Known as"."""
    for index, prompt in enumerate(prompts):
        right = prompt.startswith("Known as")
        yield [Completion(index, prompt.removeprefix("Known as").strip(" ,") if right else "nobody", True)]


def test_templates_are_recognised_where_the_dataset_does_not_name_them(run):
    """All entities agree and templates do not: over entities alone nothing varies."""
    metrics = evaluate(run, answers, unnamed_splits(), SETTINGS)
    measured = metrics.subtasks["N2D"]
    assert (measured.n, measured.entities, measured.templates) == (12, 4, 3)
    assert measured.intervals == "entities-and-templates"
    assert [prediction.template_id for prediction in run.read_predictions("N2D")] == ["0", "1", "2"] * 4
    assert {floor["N2D"].intervals for floor in metrics.floors.values()} == {"entities-and-templates"}
    assert metrics.definitions["intervals"] == "intervals/3"


def test_the_option_makes_intervals_over_entities_alone(run):
    alone = SETTINGS.model_copy(update={"intervals": "entities"})
    metrics = evaluate(run, answers, unnamed_splits(), alone)
    measured = metrics.subtasks["N2D"]
    assert (measured.intervals, measured.templates) == ("entities", 3)
    assert metrics.evaluation["intervals"] == "entities"
    assert {floor["N2D"].intervals for floor in metrics.floors.values()} == {"entities"}


def test_a_limited_evaluation_that_cannot_tell_templates_from_entities_is_over_entities(run):
    measured = evaluate(run, answers, unnamed_splits(), SETTINGS, ["N2D"], limit=6).subtasks["N2D"]
    assert (measured.n, measured.entities, measured.templates, measured.intervals) == (6, 4, 3, "entities")


def test_records_without_templates_are_over_entities():
    measured = summarize([ScoredExample(f"e{row % 3}", "", {"contains": 1.0}) for row in range(9)])
    assert (measured.templates, measured.intervals) == (None, "entities")


def test_other_intervals_are_the_same_experiment():
    spec = ExperimentSpec(name="x")
    changed = spec.model_copy(update={"evaluation": EvaluationSpec(intervals="entities")})
    assert changed.digest == spec.digest
    assert spec_differences(spec.model_dump(mode="json"), changed.model_dump(mode="json")) == []
    before = spec.model_dump(mode="json")
    del before["evaluation"]["intervals"]
    assert spec_differences(before, spec.model_dump(mode="json")) == []


def test_another_unit_scores_again_without_generation(stages, capsys):
    assert main(["finetune", "--data", "data", "--name", "x"]) == main(["eval"]) == 0
    prompts = stages.prompts
    assert main(["eval", str(RUN), "--intervals", "entities"]) == 0
    assert "already evaluated" not in capsys.readouterr().err
    assert stages.prompts == prompts
    assert read_json(RUN / "metrics.json")["evaluation"]["intervals"] == "entities"
    assert main(["eval", str(RUN), "--intervals", "entities"]) == 0
    assert "already evaluated" in capsys.readouterr().err


def test_a_run_evaluated_by_an_earlier_version_is_scored_again_without_generation(stages):
    assert main(["finetune", "--data", "data", "--name", "x"]) == main(["eval"]) == 0
    prompts, now = stages.prompts, read_json(RUN / "metrics.json")
    older = json.loads(json.dumps(now))
    del older["definitions"]["intervals"], older["evaluation"]["intervals"]
    for subtask in older["subtasks"].values():
        del subtask["intervals"], subtask["templates"]
    write_json(RUN / "metrics.json", older)
    assert main(["eval", str(RUN)]) == 0
    assert stages.prompts == prompts
    assert read_json(RUN / "metrics.json") == now


def test_an_unknown_unit_is_refused(stages, capsys):
    assert main(["eval", "--intervals", "rows"]) == 2
    assert "--intervals: unknown unit 'rows'; expected one of (entities, entities-and-templates)" in (
        capsys.readouterr().err
    )


def test_an_evaluation_keeps_the_settings_of_the_one_before(stages, capsys):
    """`--likelihood` given once must not be lost, with its scores, when the run is evaluated again without the flag."""
    assert main(["finetune", "--data", "data", "--name", "x", "--set", "evaluation.likelihood=false"]) == 0
    assert main(["eval", str(RUN), "--likelihood"]) == 0
    metrics = read_json(RUN / "metrics.json")
    assert metrics["evaluation"]["likelihood"] and "mrr" in metrics["subtasks"]["N2D"]["metrics"]
    assert main(["eval", str(RUN)]) == 0
    assert "already evaluated" in capsys.readouterr().err
    assert main(["eval", str(RUN), "--overwrite"]) == 0
    assert read_json(RUN / "metrics.json")["evaluation"]["likelihood"]
    assert main(["eval", str(RUN), "--no-likelihood"]) == 0
    assert not read_json(RUN / "metrics.json")["evaluation"]["likelihood"]


def test_intervals_of_an_earlier_method_are_made_again_without_generation(stages):
    assert main(["finetune", "--data", "data", "--name", "x"]) == main(["eval"]) == 0
    prompts, metrics = stages.prompts, read_json(RUN / "metrics.json")
    write_json(RUN / "metrics.json", metrics | {"definitions": metrics["definitions"] | {"intervals": "intervals/2"}})
    assert main(["eval", str(RUN)]) == 0
    assert stages.prompts == prompts
    assert read_json(RUN / "metrics.json") == metrics
