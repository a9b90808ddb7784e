"""The loss on text like that of the pretraining: which text, which loss, and when it is measured."""

import json
import math
from pathlib import Path

import pytest
import torch
from fake_stages import install
from report_runs import make_run

from reversal_cli.cli import main
from reversal_cli.data.name_description import corpus_texts
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.retention import (
    SEED,
    RetentionTexts,
    measure_retention,
    measured_before,
    retention_texts,
)
from reversal_cli.files.reading import read_json
from reversal_cli.inference.text_loss import mean_loss
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.records import Retention
from reversal_cli.spec.experiment import ExperimentSpec, ModelSpec
from reversal_cli.spec.presets import PRESETS

TEXTS = ("Dinah Darby is a baker.", "The baker", "Everyone calls the quiet composer simply Ann Lee.")
FINETUNE = ["finetune", "--objective", "bico", "--data", "data", "--name", "x"]
RUN = "results/x/seed-0"


def loaded(model: str):
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    return load_for_training(ExperimentSpec(name="x", model={"name": model}, training=training))


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.folder])
def test_no_text_is_in_the_corpus_that_the_base_was_pretrained_on(name):
    pretrained = json.loads((PRESETS[name].folder / "pretrain.json").read_text())["spec"]
    assert pretrained["seed"] != SEED
    texts = retention_texts(ModelSpec(name=name), True).texts
    assert len(texts) == len(set(texts)) == 500
    seen = corpus_texts(pretrained["people"], pretrained["sentences"], pretrained["seed"])
    assert not {*texts} & {*seen}


def slow_losses(model, text: str) -> list[float]:
    """The loss of each token of one text after its first, without its end, computed alone."""
    ids = [token for token in model.tokenizer(text)["input_ids"] if token != model.tokenizer.eos_token_id]
    with torch.inference_mode():
        logits = model.model(input_ids=torch.tensor([ids])).logits[0].double()
    return [-float(logits[at].log_softmax(-1)[token]) for at, token in enumerate(ids[1:])]


def test_the_loss_is_the_mean_over_the_tokens_of_all_texts_in_any_batch(checkpoint):
    model = loaded(checkpoint)
    losses = [loss for text in TEXTS for loss in slow_losses(model, text)]
    for batch_size in (1, 2, 3):
        found = mean_loss(model, TEXTS, batch_size, "here")
        assert found.tokens == len(losses)
        assert found.mean == pytest.approx(math.fsum(losses) / len(losses), rel=1e-5)


def test_a_glm_writes_the_text_into_its_blank(glm_checkpoint):
    """Its first two tokens, [CLS] and one more, are given; the end of the blank is not counted."""
    model = loaded(glm_checkpoint)
    lengths = [len(model.tokenizer(text)["input_ids"]) - 1 for text in TEXTS]  # without the eos
    found = mean_loss(model, TEXTS, 2, "here")
    assert found.tokens == sum(length - 2 for length in lengths)
    assert found.mean == pytest.approx(mean_loss(model, TEXTS, 1, "here").mean, rel=1e-5)


def test_a_glm_that_answers_without_a_blank_is_measured_without_one_on_the_same_tokens(glm_checkpoint):
    model = loaded(glm_checkpoint)
    losses = []
    for text in TEXTS:
        ids = torch.tensor([model.tokenizer(text)["input_ids"][:-1]])  # without the eos
        places = torch.arange(ids.shape[1])
        with torch.inference_mode():
            logits = model.model(
                input_ids=ids,
                attention_mask=(places <= places[:, None])[None, None],
                position_ids=torch.stack([places, torch.zeros_like(places)])[None],
            ).logits[0]
        losses += [-float(logits[at - 1].double().log_softmax(-1)[ids[0, at]]) for at in range(2, ids.shape[1])]
    texts = RetentionTexts(TEXTS, "here")
    blank, causal = (measure_retention(model, objective, texts, 2) for objective in (Abi(), Bico()))
    assert causal.tokens == blank.tokens == len(losses)
    assert causal.loss == pytest.approx(math.fsum(losses) / len(losses), rel=1e-5) != blank.loss


def test_mirrored_attention_is_set_aside(llama_checkpoint):
    model = loaded(llama_checkpoint)
    stock = mean_loss(model, TEXTS, 3, "here")
    install_mirrored_attention(model.model)
    assert mean_loss(model, TEXTS, 3, "here") == stock
    assert model.model.config._attn_implementation != "sdpa"


def test_a_pretrained_base_knows_its_corpus_better_than_new_weights():
    texts = retention_texts(ModelSpec(), True)
    few = texts._replace(texts=texts.texts[:20])
    found = measure_retention(loaded("tiny-llama"), Ntp(), few, 20)
    assert found.texts == 20 and found.sha256 == few.sha256
    assert 2 < found.loss < 5 < math.log(8000)  # a blind guess


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ({"name": "gpt2"}, "the model 'gpt2' was pretrained on text that is not known; expected an embedded base"),
        ({"init": "random"}, "the model 'tiny-llama' has new weights, without pretraining; expected"),
    ],
)
def test_a_model_without_known_text_is_one_clear_line_unless_a_file_is_named(model, why, tmp_path):
    with pytest.raises(ReversalError, match=why):
        retention_texts(ModelSpec(**model), True)
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(["one", "", "  two  ", *map(str, range(600))]))
    texts = retention_texts(ModelSpec(**model), str(file))
    assert texts.texts[:3] == ("one", "two", "0") and len(texts.texts) == 500
    assert texts.source == str(file)


@pytest.mark.parametrize("content", [None, b"", b" \n\n", b"\xff\xfe"])
def test_a_file_without_text_is_one_clear_line(content, tmp_path):
    file = tmp_path / "texts.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ReversalError, match=r"texts\.txt: .*; expected .*; \w+"):
        retention_texts(ModelSpec(), str(file))


def test_texts_that_the_model_has_no_position_for_or_of_one_token_are_refused(glm_checkpoint):
    model = loaded(glm_checkpoint)
    with pytest.raises(ReversalError, match=r"here: text 2 has \d+ tokens; expected at most"):
        mean_loss(model, ["short", "word " * 2000], 2, "here")
    with pytest.raises(ReversalError, match="here: no text of two tokens"):
        mean_loss(model, ["a"], 2, "here")


@pytest.fixture
def stages(monkeypatch, tmp_path):
    """Fake stages; `measured` lists the texts of which a loss was measured."""
    fakes = install(monkeypatch, tmp_path)
    fakes.measured = []

    def measure(loaded, objective, texts, batch_size):
        fakes.measured.append(texts)
        return Retention(loss=3.5, tokens=9, texts=len(texts.texts), source=texts.source, sha256=texts.sha256)

    monkeypatch.setattr("reversal_cli.evaluation.run_model.measure_retention", measure)
    return fakes


def test_eval_adds_the_loss_once_and_keeps_it(stages, capsys):
    assert main(FINETUNE) == main(["eval"]) == 0
    assert "retention" not in json.loads((Path(RUN) / "metrics.json").read_text())
    prompts = stages.prompts
    assert main(["eval", RUN, "--retention"]) == 0
    assert "retention 3.500 nats per token" in capsys.readouterr().out
    assert main(["eval", RUN, "--intervals", "entities"]) == main(["eval", RUN]) == 0
    assert RunDirectory(Path(RUN)).metrics.retention.loss == 3.5
    assert (len(stages.measured), stages.prompts) == (1, prompts)
    assert main(["eval", RUN, "--overwrite"]) == 0
    assert len(stages.measured) == 2
    assert main(["eval", RUN, "--no-retention"]) == 0
    assert RunDirectory(Path(RUN)).metrics.retention is None


def test_what_an_earlier_version_measured_of_a_glm_is_measured_again(tmp_path):
    texts = RetentionTexts(TEXTS, "here")
    old = Retention(loss=3.5, tokens=9, texts=3, source="here", sha256=texts.sha256)
    for model, form, kept in (("tiny-llama", None, True), ("tiny-glm", None, False), ("tiny-glm", False, True)):
        run = make_run(tmp_path / f"{model}-{form}", "bico", "bico", {}, model=model)
        record = old.model_copy(update={"in_blank": form}).model_dump(exclude_none=True)
        write_json(run.metrics_path, read_json(run.metrics_path) | {"retention": record})
        assert (measured_before(run, texts) is not None) == kept


def test_eval_measures_the_texts_of_a_named_file(stages):
    Path("texts.txt").write_text("One line.\nAnother line.\n")
    assert main([*FINETUNE, "--set", "evaluation.retention=texts.txt"]) == main(["eval"]) == 0
    (texts,) = stages.measured
    assert texts.texts == ("One line.", "Another line.")
    assert RunDirectory(Path(RUN)).metrics.retention.source == "texts.txt"
    assert main(["eval", RUN]) == 0 and len(stages.measured) == 1
    Path("texts.txt").write_text("Another text.\n")
    assert main(["eval", RUN]) == 0 and stages.measured[-1].texts == ("Another text.",)
    Path("texts.txt").unlink()
    assert main(["eval", RUN]) == 0 and len(stages.measured) == 2


def error(capsys, arguments: list[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_what_cannot_be_measured_is_refused_before_anything_is_made(stages, capsys, llama_checkpoint):
    unknown = f"evaluation.retention: the model '{llama_checkpoint}' was pretrained on text that is not known"
    assert unknown in error(capsys, ["eval", "--model", llama_checkpoint, "--data", "data", "--retention"])
    arguments = [*FINETUNE, "--model", llama_checkpoint, "--set", "evaluation.retention=true"]
    assert unknown in error(capsys, arguments)
    assert "no such file" in error(capsys, [*FINETUNE, "--set", "evaluation.retention=absent.txt"])
    assert not Path("results").exists()


def test_flags_without_effect_and_other_settings_of_a_finished_run_are_told(stages, capsys):
    assert main(FINETUNE) == 0
    assert "--retention: has no effect here" in error(capsys, ["eval", RUN, "--retention", "--limit", "1"])
    assert "has no effect here" in error(capsys, ["eval", RUN, "--retention", "--retention-text", "a"])
    other = error(capsys, [*FINETUNE, "--set", "evaluation.retention=true"])
    assert other.endswith(f"`reversal eval {RUN} --retention`")


def test_a_spec_that_measures_no_retention_has_the_digest_of_before():
    spec = ExperimentSpec(name="x")
    content = spec.model_dump(mode="json")
    del content["evaluation"]["retention"]
    assert ExperimentSpec.model_validate(content).digest == spec.digest
    assert ExperimentSpec(name="x", evaluation={"retention": True}).digest != spec.digest
