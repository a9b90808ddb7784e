"""Mirrored rotary attention against the published code's tensors, stock attention and a float64 reference."""

import json
import math
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Glm4Config,
    Glm4ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    StableLmConfig,
    StableLmForCausalLM,
    StaticCache,
)

from reversal_cli.errors import ReversalError
from reversal_cli.models import mirrored_flash
from reversal_cli.models.attention import install_mirrored_attention, mirrored_attention

REFERENCE = Path(__file__).parents[1] / "reference" / "bico"
CASES = ["bico_mha", "bico_gqa_leftpad"]
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
    "rope_theta": 10000.0,
}
SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def spread(model):
    """Weights large enough that attention is far from uniform."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def llama(**changes) -> LlamaForCausalLM:
    return spread(LlamaForCausalLM(LlamaConfig(**(SIZES | {"num_key_value_heads": 4} | changes))))


def glm4() -> Glm4ForCausalLM:
    return spread(Glm4ForCausalLM(Glm4Config(**SIZES, num_key_value_heads=2, head_dim=12, partial_rotary_factor=0.5)))


def phi() -> PhiForCausalLM:
    return spread(PhiForCausalLM(PhiConfig(**SIZES, partial_rotary_factor=0.5)))


def stablelm() -> StableLmForCausalLM:
    return spread(StableLmForCausalLM(StableLmConfig(**SIZES, num_key_value_heads=2, partial_rotary_factor=0.5)))


def qwen3() -> Qwen3ForCausalLM:
    return spread(Qwen3ForCausalLM(Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=12)))


def logits_of(model, input_ids, attention_mask, position_ids=None) -> torch.Tensor:
    return model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False).logits


def shifted_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def denoising_inputs(length: int = 11):
    """Ids [2, s] and a mask [2, 1, s, s] that hides two keys of each row from every query."""
    torch.manual_seed(1)
    input_ids = torch.randint(1, 97, (2, length))
    keys = torch.ones(2, length, dtype=torch.bool)
    keys[0, [2, 7]] = False
    keys[1, [4, 5]] = False
    return input_ids, keys[:, None, None, :].expand(-1, 1, length, length)


@pytest.fixture(params=CASES)
def case(request):
    path = REFERENCE / f"{request.param}.safetensors"
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
    tensors = load_file(path)
    model = LlamaForCausalLM(LlamaConfig(**config))
    weights = {name[3:]: tensor for name, tensor in tensors.items() if name.startswith("sd.")}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all("lm_head" in name for name in missing)
    return model.eval(), tensors


@pytest.mark.parametrize("min_length", [2, 10**9], ids=["as-long-rows", "as-short-rows"])
def test_denoising_pass_reproduces_the_published_code(case, min_length, monkeypatch):
    monkeypatch.setattr(mirrored_flash, "MIN_LENGTH", min_length)
    model, expected = case
    install_mirrored_attention(model)
    length = expected["input_ids"].shape[1]
    mask = expected["key_mask"].bool()[:, None, None, :].expand(-1, 1, length, length)
    logits = logits_of(model, expected["input_ids"], mask)
    loss = shifted_loss(logits, expected["labels"])
    loss.backward()

    real = expected["padding_mask"].bool()
    torch.testing.assert_close(logits[real], expected["logits"][real], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loss, expected["loss"].reshape(()), rtol=1e-5, atol=1e-5)
    layers = model.model.layers
    for name, weight in (
        ("grad_q0", layers[0].self_attn.q_proj.weight),
        ("grad_k1", layers[1].self_attn.k_proj.weight),
        ("grad_emb", model.model.embed_tokens.weight),
    ):
        torch.testing.assert_close(weight.grad, expected[name], rtol=1e-4, atol=1e-6)


def test_causal_pass_reproduces_the_published_code(case):
    model, expected = case
    install_mirrored_attention(model)
    logits = logits_of(model, expected["clean_ids"], expected["padding_mask"])
    real = expected["padding_mask"].bool()
    torch.testing.assert_close(logits[real], expected["causal_logits"][real], rtol=1e-4, atol=1e-4)
    if real.all():  # behind left padding, the first word's label is scored against the logits of a padding query
        loss = shifted_loss(logits, expected["clean_ids"])
        torch.testing.assert_close(loss, expected["causal_loss"].reshape(()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [llama, glm4, qwen3, phi, stablelm])
@pytest.mark.parametrize("mask_kind", ["2-D", "4-D"])
def test_mirrored_attention_equals_sdpa_under_a_causal_mask(make, mask_kind):
    model = make()
    input_ids, _ = denoising_inputs()
    mask = torch.ones(2, 11, dtype=torch.bool)
    if mask_kind == "4-D":
        mask = torch.ones(11, 11, dtype=torch.bool).tril().expand(2, 1, 11, 11)
    stock = logits_of(model, input_ids, mask)
    install_mirrored_attention(model)
    torch.testing.assert_close(logits_of(model, input_ids, mask), stock, rtol=1e-5, atol=1e-5)


def slow_attention_scores(query, key, positions, inverse_frequencies, scale, interleaved, rotary_dim):
    """Scores [s, s] of one head, pair by pair in float64: a key d ahead is turned as if it were d behind.

    query, key: [s, d], not rotated. `scale` is the attention factor that some variants put into cos and sin.
    """
    length = len(positions)
    scores = torch.zeros(length, length, dtype=torch.float64)
    for i in range(length):
        for j in range(length):
            distance = abs(positions[i] - positions[j])
            total = 0.0
            for pair, frequency in enumerate(inverse_frequencies):
                a, b = (2 * pair, 2 * pair + 1) if interleaved else (pair, pair + rotary_dim // 2)
                cos, sin = math.cos(distance * frequency), math.sin(distance * frequency)
                # q^T R(-distance) k for this pair of dimensions
                total += scale**2 * (
                    query[i, a] * (cos * key[j, a] + sin * key[j, b])
                    + query[i, b] * (-sin * key[j, a] + cos * key[j, b])
                )
            scores[i, j] = total + query[i, rotary_dim:] @ key[j, rotary_dim:]
    return scores


def captured_attention(model, input_ids, mask):
    """What layer 0's attention received and returned: unrotated inputs are recomputed from its projections."""
    seen = {}
    attention = model.model.layers[0].self_attn
    attention.register_forward_hook(
        lambda module, args, kwargs, output: seen.update(hidden=kwargs["hidden_states"], output=output[0]),
        with_kwargs=True,
    )
    logits_of(model, input_ids, mask)
    return attention, seen["hidden"], seen["output"]


@pytest.mark.parametrize(
    ("make", "interleaved"),
    [
        (lambda: llama(), False),
        (lambda: llama(num_key_value_heads=2), False),
        (lambda: llama(rope_parameters=YARN), False),
        (lambda: llama(rope_parameters=LLAMA3, num_key_value_heads=2), False),
        (glm4, True),
        (phi, False),
        (stablelm, False),
    ],
    ids=["llama", "grouped-query", "yarn", "llama3", "glm4-partial-interleaved", "phi-partial", "stablelm-partial"],
)
def test_mirrored_attention_equals_a_float64_reference_per_pair(make, interleaved):
    model = make().double()
    install_mirrored_attention(model)
    input_ids, mask = denoising_inputs()
    with torch.no_grad():
        attention, hidden, output = captured_attention(model, input_ids, mask)
        rotary = model.model.rotary_emb
        frequencies = rotary.inv_freq.double().tolist()
        head_dim, groups = attention.head_dim, attention.num_key_value_groups
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        query, key, value = (p(hidden).view(2, 11, -1, head_dim).transpose(1, 2) for p in projections)
        heads = []
        for row in range(2):
            for head in range(4):
                scores = slow_attention_scores(
                    query[row, head],
                    key[row, head // groups],
                    list(range(11)),
                    frequencies,
                    rotary.attention_scaling,
                    interleaved,
                    2 * len(frequencies),
                )
                scores = (scores * attention.scaling).masked_fill(~mask[row, 0], -math.inf)
                heads.append(torch.softmax(scores, -1) @ value[row, head // groups])
        output_layer = attention.get_submodule("dense" if make is phi else "o_proj")
        expected = output_layer(torch.stack(heads).view(2, 4, 11, head_dim).transpose(1, 2).reshape(2, 11, -1))
    # The rotary angles themselves are made in float32 by the stock model.
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True], ids=["plain", "autocast"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_scores_are_formed_in_float32(dtype, autocast):
    """Queries and keys of 30 overflow a float16 product: only the rounding of inputs and outputs may show."""
    module = llama().model.layers[0].self_attn
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 4, 11, 12).to(dtype) for _ in range(3))
    query, key = query + 30, key + 30
    angles = torch.arange(11.0)[:, None] * torch.ones(12) * 0.0
    rotary = (angles.cos()[None], angles.sin()[None])
    mask = torch.ones(1, 1, 11, 11, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        output, _ = mirrored_attention(module, query, key, value, mask, 12**-0.5, rotary_angles=rotary)
    scores = query.double() @ key.double().mT * 12**-0.5
    expected = (scores.softmax(-1) @ value.double()).transpose(1, 2)
    torch.testing.assert_close(output.double(), expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("side", ["left", "right"])
def test_denoising_is_invariant_to_padding(side):
    model = llama(num_key_value_heads=2)
    install_mirrored_attention(model)
    input_ids, mask = denoising_inputs()
    alone = logits_of(model, input_ids, mask)

    pad = torch.zeros(2, 3, dtype=torch.long)
    hidden = pad.bool()
    keys = mask[:, 0, 0]
    order = (lambda a, b: (a, b)) if side == "left" else (lambda a, b: (b, a))
    padded_ids = torch.cat(order(pad, input_ids), 1)
    padded_keys = torch.cat(order(hidden, keys), 1)
    padded_mask = padded_keys[:, None, None, :].expand(-1, 1, 14, 14)
    padded = logits_of(model, padded_ids, padded_mask)
    real = padded[:, 3:] if side == "left" else padded[:, :11]
    torch.testing.assert_close(real, alone, rtol=1e-4, atol=1e-5)


def test_gradient_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        model = llama().train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        install_mirrored_attention(model)
        input_ids, mask = denoising_inputs()
        shifted_loss(logits_of(model, input_ids, mask), input_ids).backward()
        gradients.append(model.model.layers[0].self_attn.q_proj.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-6, atol=1e-7)


def test_a_lora_adapter_trained_under_mirrored_attention_means_the_same_in_a_stock_model(tmp_path):
    model = llama()
    install_mirrored_attention(model)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    input_ids, mask = denoising_inputs()
    shifted_loss(logits_of(adapted, input_ids, mask), input_ids).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for n, p in adapted.named_parameters() if "lora_A" in n)

    adapted.eval()
    causal = torch.ones_like(input_ids)
    mirrored = logits_of(adapted, input_ids, causal)
    adapted.save_pretrained(tmp_path)
    stock = llama()
    stock.load_adapter(str(tmp_path))
    torch.testing.assert_close(logits_of(stock, input_ids, causal), mirrored, rtol=1e-5, atol=1e-5)


def test_the_stock_rotary_cache_is_left_untouched():
    model = llama()
    install_mirrored_attention(model)
    input_ids, mask = denoising_inputs()
    causal = torch.ones_like(input_ids)
    before = logits_of(model, input_ids, causal)
    logits_of(model, input_ids, mask)
    torch.testing.assert_close(logits_of(model, input_ids, causal), before, rtol=0, atol=0)


def test_generation_with_a_cache_is_that_of_stock_attention():
    stock, model = llama(), llama()
    install_mirrored_attention(model)
    prompt = torch.tensor([[1, 2, 3]])
    new = [m.generate(prompt, max_new_tokens=8, do_sample=False) for m in (stock, model)]
    assert torch.equal(*new)


@pytest.mark.parametrize("make", [llama, glm4, phi, stablelm, qwen3])
def test_a_prefix_that_sees_itself_is_continued_with_a_cache_as_without(make):
    """Two rows, the second padded on the left; after the prefix one token, and then three at once."""
    model = make()
    install_mirrored_attention(model)
    ids = torch.randint(1, 97, (2, 12), generator=torch.Generator().manual_seed(1))
    real = torch.tensor([[True] * 12, [False] * 2 + [True] * 10])
    index = torch.arange(12)
    sees = (index <= index[:, None]) | (index < 8)
    mask = (sees & real[:, None, :] | torch.eye(12, dtype=torch.bool))[:, None]
    positions = (real.cumsum(dim=1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = logits_of(model, ids, mask, positions)
        causal = logits_of(model, ids, real, positions)
        cache, parts = None, []
        for start, stop in ((0, 8), (8, 9), (9, 12)):
            output = model(
                input_ids=ids[:, start:stop],
                attention_mask=mask[:, :, start:stop, :stop],
                position_ids=positions[:, start:stop],
                past_key_values=cache,
                use_cache=True,
            )
            cache = output.past_key_values
            parts.append(output.logits)
    torch.testing.assert_close(torch.cat(parts, dim=1)[real], expected[real], rtol=1e-4, atol=1e-4)
    assert (expected - causal)[real].abs().max() > 0.1


def test_what_a_cache_would_leave_unmirrored_is_refused():
    model = llama()
    install_mirrored_attention(model)
    ids = torch.tensor([[1, 2, 3]])
    fixed = StaticCache(model.config, max_cache_len=8)
    fixed.early_initialization(1, 4, 12, torch.float32, torch.device("cpu"))
    with pytest.raises(ValueError, match="cannot use a key-value cache of a fixed size"):
        model(ids, past_key_values=fixed, use_cache=True)
    cache = model(ids, use_cache=True).past_key_values
    with pytest.raises(ValueError, match="wants a causal mask"):
        model(
            ids,
            attention_mask=torch.ones(1, 1, 3, 6, dtype=torch.bool),
            position_ids=torch.tensor([[3, 4, 5]]),
            past_key_values=cache,
            use_cache=True,
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=11)),
        lambda: DeepseekV3ForCausalLM(
            DeepseekV3Config(
                vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
                num_key_value_heads=2, q_lora_rank=4, kv_lora_rank=4, qk_rope_head_dim=2, qk_nope_head_dim=2,
                v_head_dim=4, first_k_dense_replace=1, n_routed_experts=2, num_experts_per_tok=1,
                n_group=1, topk_group=1,
            )
        ),
    ],
    ids=["no-rotary", "latent-attention"],
)  # fmt: skip
def test_a_model_it_would_be_wrong_for_is_refused(make):
    with pytest.raises(ReversalError, match="no plain rotary attention"):
        install_mirrored_attention(make())
