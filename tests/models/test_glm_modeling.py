"""The network against the published one's outputs, and against itself computed another way."""

import pytest
import torch
from glm_reference import CASES, case, reference_model

from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel
from reversal_cli.objectives.base import IGNORE

TRAINING_CASES = [name for name in CASES if name.endswith("_train")]
ABI_CASES = [name for name in CASES if name.startswith("abi_")]
GENERATION_CASES = [name for name in CASES if name.endswith("_generate")]
GELUS = {"erf": "", "tanh": "_tanh_gelu"}
"""Our switch -> suffix of the published tensors."""


def prefix_mask(sep: int, length: int) -> torch.Tensor:
    """bool [1, 1, s, s]: the first `sep` tokens see each other, the others what is before them."""
    allowed = [[key <= query or key < sep for key in range(length)] for query in range(length)]
    return torch.tensor(allowed)[None, None]


@pytest.mark.parametrize("gelu", GELUS)
@pytest.mark.parametrize("name", TRAINING_CASES)
@torch.no_grad()
def test_logits_and_loss_equal_the_published_ones_for_blanks_with_targets(name, gelu):
    published = case(name)
    logits = reference_model(gelu)(
        published["input_ids"], published["attention_mask"], published["position_ids"]
    ).logits
    real = published["attention_mask"].any(dim=-1)[:, 0]  # rows of source padding see nothing and mean nothing
    torch.testing.assert_close(logits[real], published["logits" + GELUS[gelu]][real], atol=2e-4, rtol=0)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), published["labels"].flatten(), ignore_index=IGNORE)
    torch.testing.assert_close(loss, published["loss" + GELUS[gelu]], atol=2e-5, rtol=0)


@pytest.mark.parametrize("gelu", GELUS)
@pytest.mark.parametrize("name", ABI_CASES)
def test_logits_loss_and_gradients_equal_the_published_ones_for_blank_infilling(name, gelu):
    published = case(name)
    model = reference_model(gelu)
    ids = published["input_ids"]
    logits = model(ids, prefix_mask(int(published["sep"]), ids.shape[1]), published["position_ids"]).logits
    torch.testing.assert_close(logits, published["logits" + GELUS[gelu]], atol=2e-4, rtol=0)
    scored = published["loss_mask"].bool()
    loss = torch.nn.functional.cross_entropy(logits[scored], published["targets"][scored])
    torch.testing.assert_close(loss, published["loss" + GELUS[gelu]], atol=2e-5, rtol=0)
    if gelu == "tanh":  # the published gradients are of the other form
        return
    loss.backward()
    parameters = dict(model.named_parameters())
    for key in (key for key in published if key.startswith("grad.")):
        torch.testing.assert_close(parameters[key[5:]].grad, published[key], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("mask", [None, torch.ones(2, 9)], ids=["no-mask", "keys"])
@torch.no_grad()
def test_without_blanks_attention_is_causal_and_positions_count_up(mask):
    published = case("causal_default")
    for gelu, suffix in GELUS.items():
        logits = reference_model(gelu)(published["input_ids"], mask).logits
        torch.testing.assert_close(logits, published["logits" + suffix], atol=2e-4, rtol=0)
    logits = reference_model("erf")(published["input_ids"], mask).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), published["input_ids"][:, 1:].flatten())
    torch.testing.assert_close(loss, published["shifted_ntp_loss"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", GENERATION_CASES)
@torch.no_grad()
def test_every_step_of_the_published_generation_is_reproduced_with_the_cache(name):
    published = case(name)
    model = reference_model("erf")
    allowed, positions = published["generation_attention_mask"], published["position_ids"]
    context = published["input_ids"].shape[1]
    cache, start = None, 0
    for step in range(published["step_logits"].shape[1]):
        stop = context + step
        ids = published["generated"][:, start:stop]
        output = model(ids, allowed[:, :, start:stop, :stop], positions[:, :, start:stop], cache, use_cache=True)
        torch.testing.assert_close(output.logits[:, -1], published["step_logits"][:, step], atol=2e-4, rtol=0)
        cache, start = output.past_key_values, stop


def test_the_wrong_gelu_is_told_apart_by_the_tolerance_of_these_tests():
    published = case("abi_two_blanks_shuffled")
    assert (published["logits"] - published["logits_tanh_gelu"]).abs().max() > 5 * 2e-4


def test_gradient_checkpointing_changes_no_gradient():
    published = case("abi_single_span_tail")
    gradients = []
    for checkpointing in (False, True):
        model = reference_model("tanh", embedding_dropout_prob=0, attention_dropout_prob=0, output_dropout_prob=0)
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.train()
        model(published["input_ids"], prefix_mask(int(published["sep"]), 24)).logits.logsumexp(-1).sum().backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_hidden_keys_change_nothing_for_the_tokens_that_remain():
    model = reference_model("tanh")
    ids = case("causal_default")["input_ids"]
    padded = torch.cat([torch.full((2, 3), 7), ids], dim=1)
    keys = torch.tensor([[False] * 3 + [True] * 9]).expand(2, 12)
    positions = torch.tensor([[0] * 3 + list(range(9))]).expand(2, 12)
    torch.testing.assert_close(model(padded, keys, positions).logits[:, 3:], model(ids).logits, atol=1e-5, rtol=1e-5)


def test_the_output_layer_is_the_word_embedding():
    model = GlmAbiModel(GlmAbiConfig(num_layers=1, vocab_size=11, hidden_size=8, num_attention_heads=2))
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert sum(parameter.numel() for parameter in model.parameters()) == 11 * 8 + 2 * 513 * 8 + 12 * 64 + 13 * 8 + 16


def test_new_weights_are_drawn_as_in_the_original_training():
    config = GlmAbiConfig(num_layers=8, vocab_size=64, hidden_size=64, num_attention_heads=2, max_sequence_length=64)
    layer = GlmAbiModel(config).transformer.layers[3]
    assert layer.mlp.dense_h_to_4h.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.mlp.dense_4h_to_h.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert layer.attention.dense.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert not layer.attention.query_key_value.bias.any()


def test_an_unknown_gelu_is_refused():
    with pytest.raises(ValueError, match="expected 'tanh' or 'erf'"):
        GlmAbiConfig(gelu="relu")
