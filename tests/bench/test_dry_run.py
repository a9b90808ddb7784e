"""What `reversal run --dry-run` says about time and memory, from a hand-made file of speeds."""

import json
import tomllib
from pathlib import Path

import pytest
from speed_records import EXPERIMENT, here, specs, speed, write_experiment

from reversal_cli.bench.speeds import keep_speeds, read_speeds, speeds_path
from reversal_cli.benchmark import preview_dataset
from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.manifest import begin_run, end_training
from reversal_cli.runs.records import TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import load_experiment


@pytest.fixture(autouse=True)
def experiment(monkeypatch, tmp_path):
    write_experiment(monkeypatch, tmp_path)


def dry_run(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["run", "x.toml", "--dry-run", *arguments]) == 0
    return capsys.readouterr().out


def sections(out: str) -> dict[str, list[str]]:
    """Folder of a run -> the comments between it and its spec."""
    found = {}
    lines = out.splitlines()
    for start, line in enumerate(lines):
        if " (digest " in line:
            comments = []
            for following in lines[start + 1 :]:
                if not following.startswith("# "):
                    break
                comments.append(following.removeprefix("# "))
            found[line.split()[1]] = comments
    return found


def finish(spec: ExperimentSpec, complete: bool = True) -> RunDirectory:
    """The folder of the run, trained and, if `complete`, evaluated."""
    run = RunDirectory(Path("results") / spec.name / f"seed-{spec.seed}")
    begin_run(run, spec, preview_dataset(spec.dataset))
    if spec.objective.trains:
        run.model_path.mkdir(parents=True, exist_ok=True)
        end_training(run, TrainingFacts(), {})
    if complete:
        write_json(run.metrics_path, {"complete": True})
    return run


def test_what_was_not_measured_names_a_command_that_measures_it(capsys):
    out = dry_run(capsys)
    command = "reversal bench --model tiny-llama --objective ntp --objective bico --dtype float32 --device cpu"
    assert out.endswith(f"\n# no estimate: run `{command}`\n")
    assert all(comments == [] for comments in sections(out).values())
    out = dry_run(capsys, "--set", "training.batch_size=8")
    assert f"`{command.replace('--dtype', '--batch-size 8 --dtype')}`" in out
    Path("x.toml").write_text('objective.name = "none"\n')
    assert dry_run(capsys).endswith("\n# no estimate: run `reversal bench --model tiny-llama --objective ntp`\n")


def test_an_estimate_is_work_divided_by_speed(capsys):
    keep_speeds([speed("ntp"), speed("bico", rows_per_second=2.0, peak_memory_mib=2048.0)])
    out = dry_run(capsys)
    # 480 rows at 1 or 2 per second; 60 prompts at 2; 144 candidates at 4
    assert sections(out) == {
        "results/x/untrained/seed-0": ["about 1 min: 60 prompts 30 s, 24 rankings 35 s"],
        "results/x/ntp/seed-0": [
            "about 9 min: training 8 min, 60 prompts 30 s, 24 rankings 35 s; about 510 MiB of memory"
        ],
        "results/x/bico/seed-0": [
            "about 5 min: training 4 min, 60 prompts 30 s, 24 rankings 35 s; about 2.0 GiB of memory"
        ],
    }
    # 66 + 546 + 306 seconds
    assert out.endswith("\n# in all about 15 min for 3 of 3 runs; about 2.0 GiB of memory\n")
    assert [path.name for path in Path().iterdir() if path.name not in ("x.toml", "cache")] == []


def test_an_estimate_is_said_before_the_runs_begin_where_there_is_one(capsys, monkeypatch):
    def begin(*_):
        raise ReversalError("begun")

    monkeypatch.setattr("reversal_cli.pipeline.run_experiment", begin)
    assert main(["run", "x.toml"]) == 2
    assert capsys.readouterr().err == "error: begun\n"
    keep_speeds([speed("ntp"), speed("bico", rows_per_second=2.0, peak_memory_mib=2048.0)])
    assert main(["run", "x.toml"]) == 2
    estimate = "estimate: in all about 15 min for 3 of 3 runs; about 2.0 GiB of memory\n"
    assert capsys.readouterr().err == f"{estimate}error: begun\n"
    assert main(["run", "x.toml", "--quiet"]) == 2
    assert capsys.readouterr().err == "error: begun\n"
    speeds_path().unlink()
    keep_speeds([speed("ntp")])
    finish(specs()[0])
    assert main(["run", "x.toml"]) == 2
    assert capsys.readouterr().err.startswith("estimate: in all about 9 min for 1 of 3 runs; 1 complete; ")


def test_every_spec_reads_back_with_its_comments(capsys):
    plain = [spec.digest for spec in specs()]
    keep_speeds([speed("ntp"), speed("bico")])
    texts = dry_run(capsys).split("# results/")[1:]
    assert len(texts) == 3
    for text, digest in zip(texts, plain, strict=True):
        assert tomllib.loads("# results/" + text)["evaluation"]["max_new_tokens"] == 40
        assert f"(digest {digest})" in text


def test_a_run_alone_has_no_number_above_it(capsys):
    Path("x.toml").write_text("baseline = false\n" + EXPERIMENT.partition("[grid]")[0])
    keep_speeds([speed()])
    out = dry_run(capsys)
    assert out.startswith("# results/x/seed-0 (digest ")
    Path("again.toml").write_text(out)
    assert load_experiment(Path("again.toml")).specs == load_experiment(Path("x.toml")).specs


def test_without_likelihood_and_controls_only_completions_are_estimated(capsys):
    keep_speeds([speed()])
    out = dry_run(capsys, "--set", "evaluation.likelihood=false", "--set", "evaluation.controls=false")
    assert sections(out)["results/x/untrained/seed-0"] == ["about 10 s: 24 prompts 10 s"]


def test_what_differs_is_scaled_and_said(capsys):
    rows = speed().characters_per_row
    changes = {"batch_size": 8, "tuning": "lora", "characters_per_row": rows / 2, "max_new_tokens": 20, "busy": True}
    keep_speeds([speed("ntp", {"threads": 77}, **changes)])
    (comment,) = sections(dry_run(capsys))["results/x/ntp/seed-0"]
    assert comment.split("; ")[0] == "about 18 min: training 16 min, 60 prompts 1 min, 24 rankings 35 s"
    assert comment.split("; ")[2:] == [
        "time scaled by tokens from batch 8, whose memory this is",
        "time scaled to rows 2 times as long as those measured",
        "measured with lora tuning",
        "completions scaled from 20 tokens",
        f"measured with 77 threads, not {here().threads}",
        "measured on a busy machine, so probably less",
    ]


def test_an_evaluation_in_another_precision_is_that_of_its_speed_or_says_so(capsys):
    keep_speeds([speed("ntp")])
    lower = ["--set", "evaluation.dtype=bfloat16"]
    (comment,) = sections(dry_run(capsys, *lower))["results/x/ntp/seed-0"]
    assert comment.endswith(
        "60 prompts 30 s, 24 rankings 35 s; about 510 MiB of memory; evaluation measured in float32"
    )
    keep_speeds([speed("ntp", {"dtype": "bfloat16"}, rows_per_second=9.0, prompts_per_second=4.0, busy=True)])
    (comment,) = sections(dry_run(capsys, *lower))["results/x/ntp/seed-0"]
    assert comment.startswith("about 9 min: training 8 min, 60 prompts 15 s, 24 rankings 35 s; about 510 MiB of memory")
    assert comment.endswith("of memory; measured on a busy machine, so probably less")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "tiny-glm"},
        {"torch": "0.4"},
        {"where": {"dtype": "bfloat16"}},
        {"where": {"device": "cuda", "instructions": "a GPU"}},
    ],
)
def test_another_model_torch_precision_or_device_is_no_estimate(capsys, changes):
    keep_speeds([speed("ntp", **changes), speed("bico", **changes)])
    out = dry_run(capsys)
    assert "about" not in out and "# no estimate: run `reversal bench " in out


def test_workers_share_the_time_and_add_their_memory(capsys):
    keep_speeds([speed("ntp"), speed("bico", peak_memory_mib=1024.0)])
    out = dry_run(capsys, "--workers", "2", "--set", "evaluation.likelihood=false")
    # untrained 30 s and ntp 510 s at once; bico 510 s begins after 30 s
    assert "# in all about 9 min for 3 of 3 runs; 2 at a time, if they do not slow one another; about 1.5 GiB" in out


def test_what_is_complete_is_left_out(capsys):
    keep_speeds([speed("ntp"), speed("bico")])
    untrained, ntp, bico = specs()
    finish(untrained)
    finish(ntp, complete=False)
    out = dry_run(capsys)
    assert sections(out)["results/x/untrained/seed-0"] == ["complete: `reversal run` skips it"]
    assert sections(out)["results/x/ntp/seed-0"] == ["trained; about 1 min: 60 prompts 30 s, 24 rankings 35 s"]
    assert "# in all about 10 min for 2 of 3 runs; 1 complete; " in out
    assert "in all about 15 min" not in out and "for 3 of 3 runs" in dry_run(capsys, "--overwrite")
    finish(ntp)
    finish(bico)
    assert dry_run(capsys).endswith("\n# all runs are complete\n")


def test_complete_runs_are_named_without_any_speed(capsys):
    finish(specs()[1])
    out = dry_run(capsys)
    assert sections(out)["results/x/ntp/seed-0"] == ["complete: `reversal run` skips it"]
    assert "# 1 of 3 runs complete\n# no estimate: run `reversal bench --model tiny-llama --objective bico " in out


def test_a_folder_with_a_run_of_another_spec_is_not_complete(capsys):
    spec = specs()[1]
    finish(spec.model_copy(update={"training": spec.training.model_copy(update={"epochs": 3})}))
    (comment,) = sections(dry_run(capsys))["results/x/ntp/seed-0"]
    assert comment.startswith("cannot be made: results/x/ntp/seed-0: finished with a different spec (training.epochs")


def test_a_dataset_that_is_absent_leaves_the_specs_and_says_why(capsys):
    keep_speeds([speed("ntp")])
    Path("x.toml").write_text('dataset.path = "absent"\ntraining.dtype = "float32"\ntraining.device = "cpu"\n')
    out = dry_run(capsys)
    assert out.count("# no estimate: absent: no such folder; expected a dataset") == 2
    assert "reversal bench" not in out


def test_the_json_has_the_same_estimates(capsys):
    keep_speeds([speed("ntp")])
    finish(specs()[0])
    assert main(["run", "x.toml", "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    untrained, ntp, bico = json.loads(out)
    assert (untrained["state"], untrained["estimate"]) == ("complete", None)
    assert (bico["state"], bico["estimate"], bico["problem"]) == ("new", None, None)
    assert ntp["estimate"] == {
        "seconds": {"training": 480.0, "generation": 30.0, "ranking": 36.0, "total": 546.0},
        "memory_mib": 512.0,
        "notes": [],
    }
    assert "in all about 9 min for 1 of 3 runs; 1 complete; about 510 MiB of memory\nno estimate: run `" in err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "broken JSON"),
        ("[]", "found a list; expected a JSON object"),
        ("{}", "lacks 'speeds'"),
        ('{"version": 2, "speeds": []}', "is of version 2, made by a newer reversal"),
        ('{"speeds": [{"model": "tiny-llama", "rows_per_second": 0}]}', "rows_per_second is 0; expected more than 0"),
    ],
)
def test_a_file_of_speeds_that_cannot_be_used_is_one_line_and_is_replaced(capsys, content, expected):
    speeds_path().parent.mkdir(parents=True)
    speeds_path().write_text(content)
    assert main(["run", "x.toml", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith(f"warning: {speeds_path()}: ") and expected in err and err.count("\n") == 1
    assert "# no estimate: run `" in out
    assert keep_speeds([speed()]) == speeds_path()
    assert read_speeds() == [speed()]
