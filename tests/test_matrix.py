"""Every objective on every family trains, is saved, reloaded and evaluated."""

import dataclasses
import json

import pytest
import torch
from checkpoints import save_glm
from test_training import EXAMPLES, run_training, spec_for, weights

from reversal_cli.commands.listing import known_names
from reversal_cli.data.base import Example, Splits, Subtask
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.base import tokenize
from reversal_cli.models.families import FAMILIES
from reversal_cli.models.loading import load_for_evaluation, load_for_training
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.base import Draw
from reversal_cli.objectives.spans import content_span
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.training import finetune as training
from reversal_cli.training.preparation import prepare_model, refuse_long_prompts

CHECKPOINTS = {"rotary": ["llama", "qwen", "glm4", "glm4_9b"], "glm": ["glm"]}
NO_DROPOUT = dict.fromkeys(("embedding_dropout_prob", "attention_dropout_prob", "output_dropout_prob"), 0.0)
PROMPTS = ["Ann Low is known as", "the owl", "a bee is", "Once more, the quiet fox"]
OPTIONS = {
    "ntp": [{}, {"glm_form": "causal"}, {"glm_prompt": "before_blank"}, {"loss_on": "completion"}],
    "bico": [
        {"mask_probability": 0.5},
        {"decoder": "denoise"},
        {"placeholder": "learned", "positions": "plain", "target": "same", "bico_share": 1.0, "decoder": "denoise"},
        {"placeholder": "learned", "target": "same", "bico_share": 1.0, "decoder": "denoise"},
        {"attention": "causal"},
    ],
    "abi": [{}, {"span_policy": "random"}, {"span_positions": "after_text"}, {"task_masks": False}],
    "masked-ft": [{}],
    "mlm-u": [{}, {"placeholder": "learned", "eos_padding": 6, "decoder": "maskgit"}],
    "fim": [{"sentinels": "two"}, {"sentinels": "two", "prompt_form": "fim"}],
    "plm": [{"ntp_share": 0.2}, {"ntp_share": 0.0, "positions": "plain"}],
    "prefix-lm": [{}, {"positions": "mirrored"}],
}
CELLS = [
    pytest.param(checkpoint, {"name": name, **options}, id=f"{checkpoint}-{name}-{'-'.join(options)}".rstrip("-"))
    for family in FAMILIES
    for checkpoint in CHECKPOINTS[family]
    for name in OBJECTIVES
    if family in OBJECTIVES[name].on
    for options in OPTIONS.get(name, [{}])
    if options.keys().isdisjoint(OBJECTIVES[name]().unused(family))
]


def test_the_list_of_objectives_says_what_each_does_on_each_family():
    listed = known_names()["objectives by model family"]
    on = {name: objective.on for name, objective in OBJECTIVES.items()} | {"none": FAMILIES}
    assert listed.keys() == {f"{name} on {family}" for name in on for family in on[name]}


@pytest.mark.parametrize("checkpoint", ["llama", "glm4_9b", "glm"])
def test_an_untrained_checkpoint_of_each_family_answers(checkpoint, request, tmp_path):
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), {"name": "none"})
    loaded = load_for_evaluation(spec, RunDirectory(tmp_path))
    completions = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=3) for c in batch]
    assert sorted(completion.index for completion in completions) == [0, 1, 2, 3]


def test_glm_4_is_a_rotary_model_with_blanks_of_its_own_and_never_blanks_its_beginning(glm4_9b_checkpoint):
    loaded = load_for_training(spec_for(glm4_9b_checkpoint, {"name": "abi"}))
    assert type(loaded.model).__name__ == "GlmForCausalLM" and loaded.model.config.model_type == "glm"
    row = tokenize(loaded.tokenizer, EXAMPLES[:1], 256)[0]
    blanks = loaded.tokens.blanks
    assert row.input_ids[:2] == (blanks.long_mask, blanks.sop)
    assert content_span(row, loaded.tokens) == (2, len(row.input_ids) - 1)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize(("checkpoint", "objective"), CELLS)
def test_every_cell_of_the_matrix_trains_and_evaluates(checkpoint, objective, tuning, request, tmp_path):
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), objective, tuning=tuning, epochs=1)
    run, section = run_training(spec, tmp_path / "run")
    assert section.steps == 3
    loaded = load_for_evaluation(spec, run)
    one = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=1) for c in batch]
    all_at_once = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=4) for c in batch]
    assert sorted(one) == sorted(all_at_once)
    assert sorted(completion.index for completion in one) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("checkpoint", "objective"),
    [
        *((checkpoint, {"name": "abi"}) for checkpoint in ("llama", "qwen", "glm4", "glm4_9b", "glm")),
        ("llama", {"name": "prefix-lm", "positions": "mirrored"}),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_what_was_trained_is_what_is_evaluated(checkpoint, objective, tuning, request, tmp_path):
    """The logits of the reloaded run on a batch with blanks, or prefixes, are those of the model in training."""
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), objective, tuning=tuning, learning_rate=0.05)
    seen = {}
    save = training.save

    def remember(model, loaded, folder, weights):
        seen["model"], seen["loaded"] = model.eval(), loaded
        save(model, loaded, folder, weights)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "save", remember)
        run, _ = run_training(spec, tmp_path / "run")
    loaded = load_for_evaluation(spec, run)
    assert loaded.tokens.blanks == seen["loaded"].tokens.blanks
    rows = tokenize(loaded.tokenizer, EXAMPLES, 256)
    batch = spec.objective.collate(rows, loaded.tokens, Draw(0, 0, tuple(range(len(rows)))))
    arrays = [torch.from_numpy(a) for a in (batch.input_ids, batch.attention_mask, batch.position_ids)]
    names = ("input_ids", "attention_mask", "position_ids")
    with torch.no_grad():
        logits = [m(**dict(zip(names, arrays, strict=True))).logits for m in (seen["model"], loaded.model)]
    torch.testing.assert_close(*logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_blank_infilling_continued_from_a_checkpoint_ends_with_equal_weights(checkpoint, tuning, request, tmp_path):
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), {"name": "abi"}, tuning=tuning)
    whole, _ = run_training(spec, tmp_path / "whole")

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "cut", interrupt)
    cut, section = run_training(spec, tmp_path / "cut")
    assert section.resumed
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(cut)[name]), name


def test_lora_on_glm_trains_the_four_linear_layers_of_each_layer_and_nothing_else(glm_checkpoint):
    spec = spec_for(glm_checkpoint, {"name": "abi"})
    model = prepare_model(load_for_training(spec), spec)
    trained = {name.split(".lora_")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    layers = ("attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
    assert trained == {f"base_model.model.transformer.layers.{i}.{layer}" for i in range(2) for layer in layers}


def test_glm_with_gradient_checkpointing_ends_with_the_same_weights(glm_checkpoint, tmp_path):
    runs = [
        run_training(spec_for(glm_checkpoint, {"name": "abi"}, gradient_checkpointing=on), tmp_path / str(on))[0]
        for on in (False, True)
    ]
    torch.testing.assert_close(weights(runs[0]), weights(runs[1]), rtol=1e-5, atol=1e-6)


def test_a_row_longer_than_the_position_table_is_refused_before_training(glm_checkpoint, tmp_path):
    examples = [Example("he", " " + "x" * 200, "a")]
    with pytest.raises(
        ReversalError, match="training row 1: 204 tokens; expected at most 129, the positions this model"
    ):
        splits = Splits(tuple(examples), {}, {})
        training.train(spec_for(glm_checkpoint), splits, RunDirectory(tmp_path), lambda step, total, **_: None, print)


def test_a_row_that_an_objective_makes_too_long_is_refused_with_both_lengths(glm_checkpoint, tmp_path):
    splits = Splits((Example("he", " " + "x" * 124, "a"),), {}, {})
    spec = spec_for(glm_checkpoint, {"name": "fim", "sentinels": "two"})
    with pytest.raises(ReversalError, match=r"row 1: 128 tokens, 130 as it is trained; expected at most 129, the pos"):
        training.train(spec, splits, RunDirectory(tmp_path), lambda step, total, **_: None, print)


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "ntp", "glm_form": "blank"},
        {"name": "ntp", "glm_form": "causal"},
        {"name": "bico"},
        {"name": "plm", "ntp_share": 0.0},
        {"name": "masked-ft"},
        {"name": "abi", "suffix_share": 1.0},
        {"name": "abi", "span_policy": "random", "token_share": 0.0, "document_min_ratio": 1.0},
    ],
)
def test_a_row_as_long_as_the_position_table_is_trained(objective, glm_checkpoint, tmp_path):
    examples = (Example("he", " " + "x" * 125, "a"),)  # 129 tokens, positions 0 to 128
    spec = spec_for(glm_checkpoint, objective, epochs=1)
    trained = training.train(
        spec, Splits(examples, {}, {}), RunDirectory(tmp_path), lambda step, total, **_: None, print
    )
    assert trained.facts.steps == 1


def test_an_answer_longer_than_the_position_table_is_refused_before_the_training(glm_checkpoint, tmp_path):
    spec = spec_for(glm_checkpoint, {"name": "bico"}, epochs=1)
    settings = spec.evaluation.model_copy(update={"max_new_tokens": 500, "controls": False})
    spec = spec.model_copy(update={"evaluation": settings})
    asked = {"D2N": Subtask("D2N", "name", tuple(EXAMPLES))}
    run = RunDirectory(tmp_path)
    with pytest.raises(ReversalError, match=r"lower evaluation\.max_new_tokens"):
        training.train(spec, Splits(tuple(EXAMPLES), asked, {}), run, lambda step, total, **_: None, print)
    assert not list(tmp_path.iterdir())
    validation = Splits(tuple(EXAMPLES), {}, {}, validation=asked)
    loaded = load_for_training(spec)
    refuse_long_prompts(loaded, spec, validation)  # they are not asked
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"eval_every": 1})})
    with pytest.raises(ReversalError, match=r"lower evaluation\.max_new_tokens"):
        refuse_long_prompts(loaded, spec, validation)


def test_the_longer_prompts_of_the_controls_are_refused_before_the_training_with_the_way_out(glm_checkpoint, tmp_path):
    splits = load_folder(generate(Options(entities=2, train_templates=2, test_templates=2), tmp_path / "data"))
    spec = spec_for(glm_checkpoint, {"name": "bico"})
    loaded = load_for_training(spec)
    encoded = [loaded.tokenizer(e.prompt)["input_ids"] for s in splits.subtasks.values() for e in s.examples]
    table = dataclasses.replace(loaded, max_position=max(map(len, encoded)) + spec.evaluation.max_new_tokens)
    with pytest.raises(ReversalError, match=r"or leave out the controls \(evaluation\.controls = false\)"):
        refuse_long_prompts(table, spec, splits)
    without = spec.evaluation.model_copy(update={"controls": False})
    refuse_long_prompts(table, spec.model_copy(update={"evaluation": without}), splits)


@pytest.mark.parametrize("form", ["blank", "causal"])
def test_a_small_glm_learns_its_rows_by_heart_and_answers_as_it_was_trained(form, tmp_path):
    checkpoint = save_glm(tmp_path, hidden_size=64, **NO_DROPOUT)
    objective = {"name": "ntp", "glm_form": form}
    options = {"tuning": "full", "epochs": 120, "batch_size": 5, "learning_rate": 3e-3, "warmup_steps": 10}
    spec = spec_for(checkpoint, objective, **options)
    run, _ = run_training(spec, tmp_path / "run")
    loaded = load_for_evaluation(spec, run)
    batches = complete_prompts(loaded, spec.objective, [example.prompt for example in EXAMPLES], 30, 5)
    wrong = [c for batch in batches for c in batch if (c.text, c.stopped) != (EXAMPLES[c.index].completion, True)]
    assert wrong == []


def test_the_loss_of_blank_infilling_falls(tmp_path):
    checkpoint = save_glm(tmp_path, hidden_size=64, **NO_DROPOUT)
    options = {"tuning": "full", "epochs": 60, "batch_size": 5, "learning_rate": 3e-3, "warmup_steps": 10}
    run, _ = run_training(spec_for(checkpoint, {"name": "abi"}, **options), tmp_path / "run")
    losses = [json.loads(line)["loss"] for line in run.train_log_path.read_text().splitlines()]
    assert losses[-1] < losses[0] / 2
