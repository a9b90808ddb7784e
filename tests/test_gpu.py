"""On an NVIDIA GPU: every objective learns what it learns on the CPU, and answers."""

import json

import pytest
import torch
from checkpoints import save_glm
from test_matrix import CELLS, NO_DROPOUT, PROMPTS
from test_training import run_training, spec_for

from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.loading import load_for_evaluation

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.mark.parametrize(("checkpoint", "objective"), CELLS)
def test_a_gpu_computes_the_losses_of_the_cpu(checkpoint, objective, request, tmp_path):
    glm = checkpoint == "glm"
    folder = save_glm(tmp_path, **NO_DROPOUT) if glm else request.getfixturevalue(f"{checkpoint}_checkpoint")
    losses = []
    for device in ("cpu", "cuda"):
        spec = spec_for(folder, objective, epochs=4, tuning="full", device=device)
        run, _ = run_training(spec, tmp_path / device)
        losses.append([json.loads(line)["loss"] for line in run.train_log_path.read_text().splitlines()])
    assert len(losses[0]) == 2  # of the first step, and of the nine after it
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize(("checkpoint", "objective"), CELLS)
def test_what_was_trained_in_bfloat16_answers_alike_in_every_batch(checkpoint, objective, tuning, request, tmp_path):
    spec = spec_for(
        request.getfixturevalue(f"{checkpoint}_checkpoint"),
        objective,
        epochs=1,
        device="cuda",
        dtype="bfloat16",
        tuning=tuning,
    )
    run, facts = run_training(spec, tmp_path / "run")
    assert (facts.device, facts.dtype, facts.threads) == ("cuda", "bfloat16", None)
    exact = spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update={"dtype": "float32"})})
    loaded = load_for_evaluation(exact, run)
    assert next(loaded.model.parameters()).device.type == "cuda"
    one, together = (
        [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 6, batch_size=size) for c in batch]
        for size in (1, 4)
    )
    assert sorted(one) == sorted(together)
