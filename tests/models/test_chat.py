"""Masked fine-tuning in a chat template: the conversation as the tokenizer writes it, and templates that do not fit."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest
from checkpoints import byte_tokenizer, save_checkpoint
from report_runs import manifest
from test_training import EXAMPLES, run_training, spec_for
from transformers import LlamaConfig, LlamaForCausalLM

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.base import tokenize
from reversal_cli.models.chat import chat_tokens, refuse_missing_templates
from reversal_cli.models.loading import load_for_evaluation, load_for_training
from reversal_cli.objectives.base import IGNORE, ChatTokens, Draw
from reversal_cli.objectives.masked_ft import INSTRUCTION
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.runs.directory import RunDirectory, run_path, write_json

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message['role'] }}]\n{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}"
)
PROMPTED = {"name": "masked-ft", "form": "prompted"}


def with_template(template: str | None, bos: bool = True) -> SimpleNamespace:
    """A loaded model of which nothing is needed but its tokenizer."""
    tokenizer = byte_tokenizer(bos)
    tokenizer.chat_template = template
    return SimpleNamespace(tokenizer=tokenizer, identity={"name": "x"})


@pytest.fixture(scope="module")
def chat_checkpoint(tmp_path_factory) -> str:
    """A random Llama whose tokenizer has a chat template."""
    folder = tmp_path_factory.mktemp("chat")
    save_checkpoint(folder, LlamaConfig, LlamaForCausalLM, bos=True)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return str(folder)


def test_a_conversation_is_cut_at_its_two_texts():
    tokenizer = with_template(TEMPLATE).tokenizer
    chat = chat_tokens(with_template(TEMPLATE), "Say: ")
    assert tokenizer.decode(chat.before) == "<s>[user]\nSay: "
    assert tokenizer.decode(chat.between) == "\n[assistant]\n"
    assert chat.before[0] == tokenizer.bos_token_id and chat.before.count(tokenizer.bos_token_id) == 1


def test_a_row_is_the_conversation_that_the_tokenizer_writes(chat_checkpoint):
    spec = spec_for(chat_checkpoint, PROMPTED)
    loaded = load_for_training(spec)
    tokenizer = loaded.tokenizer
    rows = tokenize(tokenizer, EXAMPLES, 256)
    batch = spec.objective.collate(rows, loaded.tokens, Draw(0, 0, tuple(range(len(rows)))))
    for index, (row, example) in enumerate(zip(rows, EXAMPLES, strict=True)):
        content = row.input_ids[1:-1]
        length = int(batch.lengths[index])
        ids = batch.input_ids[index, :length]
        copy = ids[len(loaded.tokens.chat.before) :][: len(content)]
        is_masked = copy == loaded.tokens.extra[0]
        assert is_masked.any() and (copy[~is_masked] == np.array(content)[~is_masked]).all()
        texts = (INSTRUCTION + example.text, example.text)
        messages = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
        whole = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
        ids[len(loaded.tokens.chat.before) :][: len(content)] = content
        assert [*ids.tolist(), *tokenizer("\n", add_special_tokens=False)["input_ids"]] == whole
        scored = np.flatnonzero(batch.labels[index] != IGNORE)
        assert scored.tolist() == list(range(length - len(content) - 2, length - 1))
        assert batch.labels[index, scored].tolist() == [*content, tokenizer.eos_token_id]
    assert batch.attention_mask.ndim == 2


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "model 'x': its tokenizer has no chat template; expected one; choose an instruct checkpoint, or"),
        ("{{ raise_exception('no') }}", "model 'x': its chat template fails (no); expected one for a question and"),
        ("{% if %}", "model 'x': its chat template fails ("),
        ("{{ messages[0]['content'] }}", "model 'x': its chat template changes the texts of a question and its answer"),
        ("{{ messages[0]['content'][::-1] }}", "model 'x': its chat template changes the texts of a question and its"),
        ("{{ messages[1]['content'] + messages[0]['content'] }}", "model 'x': its chat template changes the texts"),
    ],
)
def test_a_template_that_does_not_fit_is_one_line(template, message):
    with pytest.raises(ReversalError, match=re.escape(message)) as error:
        chat_tokens(with_template(template), INSTRUCTION)
    assert "\n" not in str(error.value) and str(error.value).endswith("or objective.form = 'plain'")


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-glm"])
def test_a_model_without_a_template_is_refused_before_the_training(model, tmp_path):
    with pytest.raises(ReversalError, match=f"model '{model}': its tokenizer has no chat template"):
        run_training(spec_for(model, PROMPTED), tmp_path / "run")
    assert not any((tmp_path / "run").iterdir())


@pytest.mark.parametrize("command", ["run", "finetune"])
def test_no_run_begins_where_a_later_one_lacks_its_template(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    experiment = tmp_path / "two.toml"
    experiment.write_text('[[runs]]\n[[runs]]\nobjective.name = "masked-ft"\nobjective.form = "prompted"\n')
    assert main([command, experiment.name]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: model 'tiny-llama': its tokenizer has no chat")
    assert list(tmp_path.iterdir()) == [experiment]


def test_a_template_is_looked_for_in_the_files_of_a_checkpoint(chat_checkpoint, tmp_path):
    def folder(**files: str) -> str:
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        path.mkdir()
        for name, content in files.items():
            (path / name.replace("__", ".")).write_text(content)
        return str(path)

    def look(name: str, objective: dict = PROMPTED) -> None:
        refuse_missing_templates([spec_for(name, objective)], tmp_path / "results")

    config = {"config__json": "{}"}
    without = (
        {},
        {"tokenizer_config__json": "{}"},
        {"tokenizer_config__json": '{"chat_template": null}'},
        {"chat_template__jinja": ""},
    )
    for name in ("tiny-llama", *(folder(**config, **files) for files in without)):
        with pytest.raises(ReversalError, match=re.escape(f"model '{name}': its tokenizer has no chat template")):
            look(name)
        look(name, {"name": "masked-ft"})
    for text in ('{"chat_template": "{{ messages }}"}', "{"):
        look(folder(**config, tokenizer_config__json=text))
    look(chat_checkpoint)
    with pytest.raises(ReversalError, match=r"it has no config\.json"):
        look(folder())


def test_a_trained_run_is_not_checked_for_a_template(tmp_path):
    spec = spec_for("tiny-llama", PROMPTED)
    run = RunDirectory(run_path(tmp_path, spec.name, spec.seed))
    write_json(run.manifest_path, manifest("x", "masked-ft", 0, "tiny-llama", "a", 1) | {"training": {}})
    refuse_missing_templates([spec], tmp_path)
    with pytest.raises(ReversalError, match="no chat template"):
        refuse_missing_templates([spec], tmp_path, overwrite=True)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_prompted_training_is_evaluated_from_left_to_right_without_a_template(tuning, chat_checkpoint, tmp_path):
    spec = spec_for(chat_checkpoint, PROMPTED, tuning=tuning, epochs=1)
    run, facts = run_training(spec, tmp_path / "run")
    assert facts.labels == sum(len(row.input_ids) - 1 for row in tokenize(byte_tokenizer(True), EXAMPLES, 256))
    loaded = load_for_evaluation(spec, run)
    answers = [list(complete_prompts(loaded, objective, ["Ann Low is"], 6, 1)) for objective in (spec.objective, Ntp())]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("form", ["plain", "prompted"])
def test_the_first_word_of_a_copy_is_masked_too(form, qwen_checkpoint):
    """Also where no bos comes before it: the text after the copy asks for it."""
    chat = ChatTokens((3, 4), (5,))
    loaded = load_for_training(spec_for(qwen_checkpoint, {"name": "masked-ft"}))
    rows = tokenize(loaded.tokenizer, EXAMPLES, 256)
    assert rows[0].input_ids[0] not in loaded.tokens.special

    objective = spec_for("x", {"name": "masked-ft", "form": form}).objective
    tokens = dataclasses.replace(loaded.tokens, chat=chat if form == "prompted" else None)
    start = len(chat.before) if form == "prompted" else 0
    batches = (objective.collate(rows[:1], tokens, Draw(0, epoch, (0,))) for epoch in range(60))
    assert 0.3 < np.mean([batch.input_ids[0, start] == tokens.extra[0] for batch in batches]) < 0.7
