"""Answers that are longer than a completion may be are counted, and said before the work begins."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from reversal_cli.cli import main
from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.name_description import Options, generate
from reversal_cli.evaluation.long_answers import long_answers

WARNING = (
    "warning: answers of more than 3 tokens (evaluation.max_new_tokens) count as wrong, since completions end before"
)


@pytest.fixture
def subtask() -> Subtask:
    answers = ("the baker", "the first baker of the old town, who wrote a song", "naïve Zoë")
    return Subtask("N2D", "description", tuple(Example("Ann Lee is", f" {text}", "1") for text in answers))


@pytest.mark.parametrize("limit", [1, 2, 5, 8, 20])
def test_answers_are_counted_as_one_text_after_another_counts_them(subtask, limit, checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    count = [
        len(tokenizer(item.text)["input_ids"]) - len(tokenizer(item.prompt)["input_ids"]) for item in subtask.examples
    ]
    long = [tokens for tokens in count if tokens > limit]
    line = long_answers(tokenizer, [subtask], limit)
    if long:
        assert f": {len(long)} of 3 in N2D; set it to {max(long)}" in line
    else:
        assert line is None


def test_a_limit_that_the_line_names_is_enough(subtask, llama_checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(llama_checkpoint)
    needed = int(long_answers(tokenizer, [subtask], 2).rpartition(" ")[2])
    assert long_answers(tokenizer, [subtask], needed - 1) and long_answers(tokenizer, [subtask], needed) is None


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
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith(WARNING)]
        assert "2 of 2 in N2D" in line and "2 of 2 in D2N-reverse" in line
    assert main(["eval", "results/x/seed-0", "--quiet"]) == 0 and WARNING not in capsys.readouterr().err
