"""Answers that are longer than a completion may be are counted, and said before the work begins."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from reversal_cli.cli import main
from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.name_description import Options, generate
from reversal_cli.evaluation.long_answers import long_answers
from reversal_cli.models.base import tokenize
from reversal_cli.models.families import load_checkpoint
from reversal_cli.spec.loading import load_experiment
from reversal_cli.spec.validation import Setting

SAID = "warning: answers of more than 3 tokens are cut off"
ANSWERS = ("the baker", "the first baker of the old town, who wrote a song", "naïve Zoë")
TOKENS = {"tiny-llama": (2, 12, 9), "tiny-glm": (2, 14, 10)}


@pytest.fixture(scope="module", params=TOKENS)
def counted(request) -> tuple[PreTrainedTokenizerBase, tuple[int, ...]]:
    """A tokenizer, of which the GLM's ends every text by itself, and its tokens in each answer."""
    spec = load_experiment(None, [Setting("model.name", request.param, "--model")]).specs[0]
    return load_checkpoint(spec, torch.float32, torch.device("cpu")).tokenizer, TOKENS[request.param]


def subtask(*answers: str) -> Subtask:
    return Subtask("N2D", "description", tuple(Example("Ann Lee is", f" {text}", "1") for text in answers))


@pytest.mark.parametrize("limit", [1, 2, 8, 9, 10, 11, 12, 13, 14])
def test_answers_with_more_tokens_than_the_limit_are_counted(counted, limit):
    tokenizer, tokens = counted
    long = [count for count in (*tokens, tokens[1]) if count > limit]
    found = long_answers(tokenizer, [subtask(*ANSWERS, ANSWERS[1])], limit)
    if long:
        assert f": {len(long)} of 4 in N2D; a run with evaluation.max_new_tokens = {max(long)} has room" in found
    else:
        assert found is None


def test_they_are_as_many_as_a_training_reads_behind_the_prompt(counted):
    tokenizer, tokens = counted
    for row, count in zip(tokenize(tokenizer, subtask(*ANSWERS).examples, 100), tokens, strict=True):
        assert len(row.input_ids) - row.completion_start == count + 1  # the end of the text


def test_training_and_evaluation_say_it_once_each_and_a_run_once(llama_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generate(Options(entities=2, train_templates=1, test_templates=1), Path("data"))
    Path("x.toml").write_text(
        f'baseline = false\ndataset.path = "data"\nmodel.name = "{llama_checkpoint}"\n'
        "evaluation = {max_new_tokens = 3, likelihood = false, controls = false}\n"
        'training = {epochs = 1, device = "cpu", dtype = "float32"}\ngrid.seed = [0, 1]\n'
    )
    for command in ("finetune x.toml", "eval results/x/seed-0 results/x/seed-1", "run x.toml --out again"):
        capsys.readouterr()
        assert main(command.split()) == 0
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith(SAID)]
        assert "2 of 2 in N2D" in line and "2 of 2 in D2N-reverse" in line
    for rest in ([], ["--overwrite", "--quiet"], ["--overwrite", "--subtask", "N2D"]):
        code = main(["eval", "results/x/seed-0", *rest])
        assert code == (2 if "--subtask" in rest else 0) and SAID not in capsys.readouterr().err
