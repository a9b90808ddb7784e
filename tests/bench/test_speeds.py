"""Speeds kept between commands, and how much there is to do at that speed."""

from pathlib import Path

import pytest
from speed_records import here, specs, speed, write_experiment

from reversal_cli.bench.forecast import side_by_side
from reversal_cli.bench.nearest import nearest
from reversal_cli.bench.speeds import keep_speeds, model_key, read_speeds, speeds_path
from reversal_cli.bench.workload import evaluation_of, mean_characters, training_of
from reversal_cli.benchmark import preview_dataset
from reversal_cli.spec.experiment import EvaluationSpec, TrainingSpec


@pytest.fixture(autouse=True)
def experiment(monkeypatch, tmp_path):
    write_experiment(monkeypatch, tmp_path)


def test_a_workload_counts_rows_prompts_and_candidates():
    splits = preview_dataset(specs()[0].dataset)
    # 2 of 3 groups x 3 entities x 4 templates in their direction, and the third group in both directions
    assert len(splits.train) == 2 * 3 * 4 + 3 * 8
    assert training_of(TrainingSpec(epochs=10), splits) == (10 * 48, mean_characters(splits.train), 0)
    assert training_of(TrainingSpec(epochs=10, stop_after_epochs=3), splits).rows == 3 * 48
    # 4 subtasks x 3 entities x 2 templates; in context once more; the third group with both templates both ways
    assert evaluation_of(EvaluationSpec(), splits) == (24 + 24 + 12, 24, 24 * 6)
    assert evaluation_of(EvaluationSpec(controls=False, likelihood=False), splits) == (24, 0, 0)


def test_evaluations_along_the_training_are_counted():
    splits = preview_dataset(specs()[0].dataset)
    each = sum(min(5, len(subtask.examples)) for subtask in splits.validation.values())
    assert each == 4 * 5
    work = training_of(TrainingSpec(epochs=10, eval_every=4, eval_limit=5), splits)
    assert work.prompts == 3 * each  # after epochs 4, 8 and 10


def test_runs_side_by_side_take_as_long_as_the_busiest_worker():
    assert side_by_side([5.0, 1.0, 1.0, 1.0], 1) == 8.0
    assert side_by_side([5.0, 1.0, 1.0, 1.0], 2) == 5.0
    assert side_by_side([1.0, 1.0, 5.0], 2) == 6.0  # in the order of the runs


def test_the_nearest_speed_has_the_same_tuning_then_threads_then_batch():
    spec = specs()[1]
    speeds = [
        speed(tuning="lora"),
        speed(where={"threads": 77}),
        speed(batch_size=256),
        speed(batch_size=16),
        speed(batch_size=512),
        speed("bico"),
    ]
    assert nearest(speeds, spec, here()) is speeds[3]
    assert nearest(speeds[:3], spec, here()) is speeds[2]
    assert nearest(speeds[:2], spec, here()) is speeds[1]
    assert nearest(speeds[-1:], spec, here()) is None
    assert nearest(speeds[-1:], specs()[0], here()) is speeds[-1]


def test_a_later_measurement_of_the_same_replaces_the_earlier_one():
    keep_speeds([speed("ntp"), speed("bico")])
    keep_speeds([speed("ntp", rows_per_second=9.0), speed("ntp", batch_size=8)])
    assert [(item.objective, item.batch_size, item.rows_per_second) for item in read_speeds()] == [
        ("ntp", 32, 9.0),
        ("bico", 32, 1.0),
        ("ntp", 8, 1.0),
    ]


def test_a_folder_is_known_by_its_whole_path(tmp_path):
    Path("model").mkdir()
    assert model_key("model") == str(tmp_path / "model")
    assert model_key("tiny-llama") == "tiny-llama" and model_key("owner/name") == "owner/name"


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("REVERSAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert speeds_path().parent == tmp_path / "xdg" / "reversal" / "bench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert speeds_path().parent == tmp_path / ".cache" / "reversal" / "bench"
