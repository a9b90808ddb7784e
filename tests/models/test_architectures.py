"""Every architecture under every objective: it works, which is checked by what it must obey, or it is refused."""

import functools

import pytest
import torch
from architectures import ARCHITECTURES
from test_training import EXAMPLES, spec_for
from transformers import AutoModelForCausalLM, PreTrainedModel

from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.inference.likelihood import encode_question, score_candidates
from reversal_cli.inference.text_loss import mean_loss
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded, tokenize
from reversal_cli.models.loading import load_for_training
from reversal_cli.models.mirror_check import attention_inputs, is_mirrored, is_rotated
from reversal_cli.objectives.base import Draw
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.training.preparation import prepare_model

LENGTH = 9


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    """Name of an architecture -> folder of a random checkpoint of it."""
    return functools.cache(lambda name: ARCHITECTURES[name].save(tmp_path_factory.mktemp(name)))


def prepared(checkpoint: str, objective: str, **training) -> tuple[PreTrainedModel, Loaded]:
    """The network as it is trained, and what was loaded."""
    spec = spec_for(checkpoint, {"name": objective, **({"bico_share": 1.0} if objective == "bico" else {})}, **training)
    loaded = load_for_training(spec)
    model = prepare_model(loaded, spec)
    check_a_step(model, loaded, spec.objective)
    return model, loaded


def check_a_step(model: PreTrainedModel, loaded: Loaded, objective) -> None:
    """A batch of the objective gives finite gradients."""
    rows = tokenize(loaded.tokenizer, EXAMPLES[:2], 256)
    batch = objective.collate(rows, loaded.tokens, Draw(0, 0, (0, 1)))
    logits = logits_of(model, *(torch.from_numpy(part) for part in (batch.input_ids, batch.attention_mask)))
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batch.labels).flatten()).backward()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)


def logits_of(model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    positions = torch.arange(ids.shape[1]).expand_as(ids)
    return model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).logits


@pytest.mark.parametrize("name", ["gpt2", "gpt-neo", "opt", "gptj"])
def test_a_text_longer_than_a_table_of_positions_is_refused_in_one_line(checkpoint_of, name):
    loaded = load_for_training(spec_for(checkpoint_of(name), {"name": "ntp"}))
    assert loaded.max_position == 127
    fits, longer = ("x" * (128 - len(encode_prompt(loaded.tokenizer, "")) - extra) for extra in (4, 3))
    assert len([*complete_prompts(loaded, Ntp(), [fits], 5, 1)]) == 1
    with pytest.raises(ReversalError, match=r"prompt 'xxx.*: 125 tokens with 5 new ones, needs position 128; "):
        next(complete_prompts(loaded, Ntp(), [longer], 5, 1))
    with pytest.raises(ReversalError, match=r"t.txt: text 1 has 131 tokens; expected at most 128"):
        mean_loss(loaded, ["x" * (len(longer) + 5)], 1, "t.txt")


@pytest.mark.parametrize("name", ["bloom", "mamba", "falcon", "olmo2", "xglm"])
def test_what_is_computed_for_any_position_has_no_last_one(checkpoint_of, name):
    assert load_for_training(spec_for(checkpoint_of(name), {"name": "ntp"})).max_position is None


@pytest.mark.parametrize("name", ["mamba", "bloom", "gpt2"])
def test_an_answer_does_not_depend_on_its_batch_whatever_the_model_keeps_of_a_text(checkpoint_of, name):
    loaded = load_for_training(spec_for(checkpoint_of(name), {"name": "ntp"}))
    loud(loaded.model)
    prompts = ["ab", "the composer", "x"]
    (together,) = complete_prompts(loaded, Ntp(), prompts, 4, 3)
    alone = [next(complete_prompts(loaded, Ntp(), [prompt], 4, 1))[0].text for prompt in prompts]
    assert [completion.text for completion in sorted(together)] == alone


def loud(model: PreTrainedModel) -> PreTrainedModel:
    """Weights so large that attention is far from uniform."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def some_ids(loaded: Loaded) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randint(3, len(loaded.tokenizer), (1, LENGTH))


@pytest.mark.parametrize("objective", ["ntp", "abi", "bico"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_works_or_is_refused_in_one_line(checkpoint_of, name, objective):
    refusal = ARCHITECTURES[name]._asdict()[objective]
    if refusal is not None:
        with pytest.raises(ReversalError, match=refusal) as caught:
            prepared(checkpoint_of(name), objective, tuning="full")
        assert "\n" not in str(caught.value)
        return
    model, loaded = prepared(checkpoint_of(name), objective, tuning="full")
    CHECKS[objective](loud(model), some_ids(loaded), checkpoint_of(name))


@torch.no_grad()
def is_causal(model: PreTrainedModel, ids: torch.Tensor, checkpoint: str) -> None:
    """Another token in the middle changes no logits before it, and changes those behind it."""
    mask, middle = torch.ones_like(ids, dtype=torch.bool), LENGTH // 2
    other = ids.clone()
    other[0, middle] = 3 + (ids[0, middle] - 2) % 50
    changed = (logits_of(model, ids, mask) - logits_of(model, other, mask))[0].abs().amax(dim=-1) > 1e-4
    assert changed.tolist() == [False] * middle + [True] * (LENGTH - middle)


@torch.no_grad()
def follows_a_mask(model: PreTrainedModel, ids: torch.Tensor, checkpoint: str) -> None:
    """A prefix that sees itself: what stands behind it changes none of its logits; its own end changes all of them."""
    prefix = 5
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    mask[:prefix, :prefix] = True
    clean = logits_of(model, ids, mask[None, None])
    for changed_token, expected in ((prefix, [False] * prefix + [True] * (LENGTH - prefix)), (4, [True] * LENGTH)):
        other = ids.clone()
        other[0, changed_token] = 3 + (ids[0, changed_token] - 2) % 50
        changed = (logits_of(model, other, mask[None, None]) - clean)[0].abs().amax(dim=-1) > 1e-5
        assert changed.tolist() == expected


@torch.no_grad()
def is_mirrored_throughout(model: PreTrainedModel, ids: torch.Tensor, checkpoint: str) -> None:
    """Stock attention under a causal mask; and where all attend all, a text backwards gives its logits backwards."""
    stock = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    stock.load_state_dict(model.state_dict())
    causal = torch.ones_like(ids, dtype=torch.bool)
    torch.testing.assert_close(logits_of(model, ids, causal), logits_of(stock, ids, causal), rtol=1e-4, atol=1e-4)
    causal = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool).tril()
    torch.testing.assert_close(logits_of(model, ids, causal), logits_of(stock, ids, causal), rtol=1e-4, atol=1e-4)
    everything = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool)
    forwards, backwards = logits_of(model, ids, everything), logits_of(model, ids.flip(1), everything).flip(1)
    torch.testing.assert_close(forwards, backwards, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits_of(stock, ids, everything), forwards, atol=1e-2)


CHECKS = {"ntp": is_causal, "abi": follows_a_mask, "bico": is_mirrored_throughout}


@pytest.mark.parametrize("name", ["cohere2-one-layer-without-positions", "smollm3-one-layer-without-positions"])
def test_a_layer_without_positions_is_told_from_one_with_them(checkpoint_of, name):
    model = load_for_training(spec_for(checkpoint_of(name))).model
    layers = [layer.self_attn for layer in model.model.layers]
    assert [is_rotated(*pair) for pair in zip(layers, attention_inputs(model, layers), strict=True)] == [True, False]
    assert not is_mirrored(layers[0], attention_inputs(model, layers)[0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["phi", "gpt-neox", "qwen3", "mixtral"])
def test_frozen_half_precision_is_not_mistaken_for_another_rotation(checkpoint_of, name, dtype):
    lora = {"dropout": 0.0}
    model, loaded = prepared(checkpoint_of(name), "bico", tuning="lora", dtype=dtype, lora=lora)
    assert str(loaded.model.dtype) == f"torch.{dtype}" and any("lora_A" in key for key in model.state_dict())


@pytest.mark.parametrize("name", ["phi", "mixtral"])
def test_sharp_attention_in_half_precision_is_not_mistaken_for_another_rotation(checkpoint_of, name):
    """As pretraining leaves it: rounded angles move its outputs far more than those of random weights."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint_of(name), dtype=torch.bfloat16).eval()
    for name, weight in model.named_parameters():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            weight.data *= 40
    install_mirrored_attention(model)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("mixtral", r"training\.lora\.dropout = 0"), ("mamba", "pass --full"), ("llama4", "pass --full")],
)
def test_what_lora_cannot_train_is_refused_in_one_line(checkpoint_of, name, advice):
    with pytest.raises(ReversalError, match=rf"LoRA cannot train a \w+ .*{advice}"):
        prepared(checkpoint_of(name), "ntp", tuning="lora")


LIKELIHOOD_REFUSED = {"mamba"}


@pytest.mark.parametrize("name", [name for name, one in ARCHITECTURES.items() if one.ntp is None])
@torch.no_grad()
def test_answers_are_scored_as_a_pass_over_prompt_and_answer_scores_them_or_refused(checkpoint_of, name):
    spec = spec_for(checkpoint_of(name))
    loaded = load_for_training(spec)
    model = loud(loaded.model)
    question = encode_question(loaded, spec.objective, "Ann Low is", [" the owl", " a", " one ant in here"])
    other = encode_question(loaded, spec.objective, "Bo", [" x"])
    if name in LIKELIHOOD_REFUSED:
        with pytest.raises(ReversalError, match=r"keeps a running state, .*pass --no-likelihood"):
            score_candidates(model, [question, other], 4)
        return
    scores = score_candidates(model, [question, other], 4)[0]
    for candidate, score in zip(question.candidates, scores, strict=True):
        ids = torch.tensor([[*question.prompt.input_ids, *candidate]])
        logits = logits_of(model, ids, torch.ones_like(ids, dtype=torch.bool))[0].log_softmax(dim=-1)
        first = len(question.prompt.input_ids) - 1
        expected = sum(logits[first + index, token].item() for index, token in enumerate(candidate))
        assert score.log_probability == pytest.approx(expected, abs=1e-4)
