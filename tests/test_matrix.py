"""Every objective on every family trains, is saved, reloaded and evaluated."""

import pytest
import torch
from test_training import run_training, spec_for

from reversal_cli.decoding import complete_prompts
from reversal_cli.models import load_for_evaluation
from reversal_cli.models.families import FAMILIES
from reversal_cli.objectives import OBJECTIVES

CHECKPOINTS = {"rotary": ["llama", "qwen", "glm4"], "glm": ["glm"]}
PROMPTS = ["Ann Low is known as", "the owl", "a bee is", "Once more, the quiet fox"]
OPTIONS = {
    "ntp": [{}, {"glm_form": "causal"}, {"loss_on": "completion"}],
    "bico": [{"mask_probability": 0.5}],
    "abi": [{}, {"span_policy": "random"}, {"span_positions": "after_text", "task_masks": False}],
}
CELLS = [
    pytest.param(checkpoint, {"name": name, **options}, id=f"{checkpoint}-{name}-{'-'.join(options)}".rstrip("-"))
    for family in FAMILIES
    for checkpoint in CHECKPOINTS[family]
    for name in OBJECTIVES
    for options in OPTIONS[name]
]


def test_the_list_of_objectives_says_what_each_does_on_each_family():
    assert all(options.on.keys() == FAMILIES.keys() for options in OBJECTIVES.values())


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize(("checkpoint", "objective"), CELLS)
def test_every_cell_of_the_matrix_trains_and_evaluates(checkpoint, objective, tuning, request, tmp_path):
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), objective, tuning=tuning, epochs=1)
    run, section = run_training(spec, tmp_path / "run")
    assert section["steps"] == 3
    loaded = load_for_evaluation(spec, run)
    one = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=1) for c in batch]
    all_at_once = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=4) for c in batch]
    assert sorted(one) == sorted(all_at_once)
    assert sorted(completion.index for completion in one) == [0, 1, 2, 3]


@pytest.mark.parametrize("checkpoint", ["llama", "qwen", "glm4", "glm"])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_what_was_trained_is_what_is_evaluated(checkpoint, tuning, request, tmp_path):
    """The logits of the reloaded run on a batch with blanks are those of the model in training."""
    from reversal_cli import training
    from reversal_cli.models.base import tokenize
    from reversal_cli.objectives.base import Draw

    spec = spec_for(
        request.getfixturevalue(f"{checkpoint}_checkpoint"), {"name": "abi"}, tuning=tuning, learning_rate=0.05
    )
    seen = {}
    save = training.save

    def remember(model, loaded, folder):
        seen["model"], seen["loaded"] = model.eval(), loaded
        save(model, loaded, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "save", remember)
        from test_training import EXAMPLES

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
