"""lm-evaluation-harness itself, on an exported folder: the same completions and scores as `reversal eval`."""

import itertools
import json
import re
import shlex
import socket
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.data.berglund import load_folder
from reversal_cli.spec.presets import PRESETS

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'reversal[lm-eval]'")

METRICS = ("contains", "startswith", "exact_match")
ANSWERS = ("{0}", "{0}, and more", ", namely{0}", " nobody at all")
"""What the taught model says to the prompts of a subtask in turn: right, and wrong in three degrees."""
EXPECTED = {"contains": 0.75, "startswith": 0.5, "exact_match": 0.25}


@pytest.fixture(autouse=True)
def connections(monkeypatch, tmp_path) -> list:
    """Every attempt to reach a network; each fails."""
    tried = []

    def refuse(self, address):
        tried.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    return tried


def export_benchmark(people: int) -> None:
    """Folders `data`, with one prompt about each person per subtask, and `tasks`."""
    sizes = ["--entities", str(people), "--train-templates", "2", "--test-templates", "1"]
    assert main(["generate", *sizes, "--out", "data", "--quiet"]) == 0
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--quiet"]) == 0


def run_harness(checkpoint: str, batch_size: int) -> dict:
    """Results and samples, with the model arguments of the first command in the exported README."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    text = Path("tasks/README.md").read_text().replace("\\\n", "")
    command = re.search(r"^lm_eval run .*$", text, re.MULTILINE)[0]
    options = dict(itertools.pairwise(shlex.split(command.replace("CHECKPOINT", checkpoint))))
    return simple_evaluate(
        model=options["--model"],
        model_args=options["--model_args"],
        tasks=[options["--tasks"]],
        # Without the harness's own ten thousand tasks, which take it half a minute to read.
        task_manager=TaskManager(include_path="tasks", include_defaults=False),
        device="cpu",
        batch_size=batch_size,
    )


def evaluate(checkpoint: str, batch_size: int) -> tuple[dict, dict]:
    """(accuracies, predictions) of `reversal eval`, by subtask."""
    options = ["--data", "data", "--device", "cpu", "--batch-size", str(batch_size), "--quiet"]
    options += ["--dtype", "float32", "--overwrite"]  # that of the README's command
    assert main(["eval", "--model", checkpoint, *options]) == 0
    (path,) = Path("results").rglob("metrics.json")
    metrics = json.loads(path.read_text())["subtasks"]
    accuracies = {name: {key: metrics[name]["metrics"][key]["mean"] for key in METRICS} for name in SUBTASKS}
    files = {name: path.with_name("predictions") / f"{name}.jsonl" for name in SUBTASKS}
    return accuracies, {name: [json.loads(line) for line in files[name].read_text().splitlines()] for name in SUBTASKS}


def assert_same(harness: dict, accuracies: dict, predictions: dict) -> None:
    for subtask in SUBTASKS:
        task = f"reversal_{subtask.lower().replace('-', '_')}"
        theirs = {sample["doc"]["id"]: sample for sample in harness["samples"][task]}
        assert list(theirs) == [record["id"] for record in predictions[subtask]]
        for record in predictions[subtask]:
            sample = theirs[record["id"]]
            assert sample["arguments"][0][0] == record["prompt"]
            assert sample["filtered_resps"] == [record["completion"]]
            assert {key: sample[key] for key in METRICS} == {key: record["scores"][key] for key in METRICS}
            assert sample["doc"]["entity_id"] == record["entity_id"]
            assert sample["doc"]["template_id"] == record["template_id"]
        assert {key: harness["results"][task][f"{key},none"] for key in METRICS} == accuracies[subtask]


def teach(folder: str) -> None:
    """Writes tiny-llama after a few steps on the prompts with `ANSWERS`, as a checkpoint."""
    base = PRESETS["tiny-llama"].folder
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    texts = [
        (example.prompt, answer.format(example.completion) + tokenizer.eos_token)
        for subtask in load_folder(Path("data")).subtasks.values()
        for example, answer in zip(subtask.examples, ANSWERS, strict=True)
    ]
    batch = tokenizer([prompt + answer for prompt, answer in texts], padding=True, return_tensors="pt")
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    for row, (prompt, _) in zip(labels, texts, strict=True):
        row[: len(tokenizer(prompt).input_ids)] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for _ in range(50):
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_the_harness_gets_the_completions_scores_and_accuracies_of_an_evaluation(connections):
    export_benchmark(people=len(ANSWERS))
    teach("taught")
    accuracies, predictions = evaluate("taught", batch_size=16)
    assert accuracies == dict.fromkeys(SUBTASKS, EXPECTED)
    assert_same(run_harness("taught", batch_size=5), accuracies, predictions)
    assert connections == []


@pytest.mark.parametrize("family", ["llama", "qwen"])
def test_so_it_does_with_and_without_a_bos_and_whatever_sampling_the_checkpoint_asks_for(family, request, connections):
    """A random model babbles, so that any other token at the beginning shows."""
    export_benchmark(people=2)
    source = Path(request.getfixturevalue(f"{family}_checkpoint"))
    folder = Path("babbling")
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "generation_config.json").read_text())
    config |= {"do_sample": True, "temperature": 2.0, "repetition_penalty": 3.0}
    (folder / "generation_config.json").write_text(json.dumps(config))
    # One prompt at a time: the logits of random weights are too near to one another for another padding.
    accuracies, predictions = evaluate("babbling", batch_size=1)
    assert_same(run_harness("babbling", batch_size=1), accuracies, predictions)
    assert connections == []
