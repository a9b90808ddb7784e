"""Long rows under mirrored attention: the same values and gradients as from the scores of every pair."""

import numpy as np
import pytest
import torch
from transformers import Glm4Config, Glm4ForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from reversal_cli.models import attention as attention_module
from reversal_cli.models import mirrored_flash
from reversal_cli.models.attention import install_mirrored_attention, mirrored_attention
from reversal_cli.models.mirrored_flash import MIN_LENGTH
from reversal_cli.objectives.base import IGNORE, Row, TokenIds
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.masking import denoising_batch

LENGTH = MIN_LENGTH + 5
SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 2 * MIN_LENGTH,
    "pad_token_id": 0,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 10000.0}


GPU_HEADS = {"hidden_size": 64, "head_dim": 16}


def llama(**changes) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**(SIZES | {"num_key_value_heads": 4} | changes)))


def grouped_llama(**changes) -> LlamaForCausalLM:
    return llama(num_key_value_heads=2, **changes)


def yarn_llama(**changes) -> LlamaForCausalLM:
    return llama(rope_parameters=YARN, **changes)


def partly_rotated_glm4(**changes) -> Glm4ForCausalLM:
    torch.manual_seed(0)
    sizes = SIZES | {"num_key_value_heads": 2, "head_dim": 12, "partial_rotary_factor": 0.5} | changes
    return Glm4ForCausalLM(Glm4Config(**sizes))


def denoised(length: int) -> torch.Tensor:
    keys = torch.rand(2, length) > 0.15
    keys[:, 0] = True
    return keys


def padded(side: slice, length: int) -> torch.Tensor:
    """The second row has 100 tokens of padding."""
    keys = torch.ones(2, length, dtype=torch.bool)
    keys[1, side] = False
    return keys


def only(*visible: int, length: int) -> torch.Tensor:
    """One visible key per row: no other query than its own has one on both sides."""
    keys = torch.zeros(2, length, dtype=torch.bool)
    keys[[0, 1], list(visible)] = True
    return keys


KEYS = {
    "all": lambda length: torch.ones(2, length, dtype=torch.bool),
    "denoising": denoised,
    "left-padded": lambda length: padded(slice(None, 100), length),
    "right-padded": lambda length: padded(slice(-100, None), length),
    "first-key-only, last-key-only": lambda length: only(0, -1, length=length),
    "key-in-the-middle-only": lambda length: only(length // 2, length // 3, length=length),
}
"""length -> the visible keys, bool [2, s]."""


@pytest.fixture
def used(monkeypatch) -> list[int]:
    """The length of each row that is attended side by side."""
    lengths = []
    original = attention_module.attend_both_sides

    def spy(behind, ahead, value, keys, scale):
        lengths.append(value.shape[2])
        return original(behind, ahead, value, keys, scale)

    monkeypatch.setattr(attention_module, "attend_both_sides", spy)
    return lengths


def operands(model: PreTrainedModel, length: int, dtype=torch.float32):
    """Query, key and value [2, h, s, d] with spread scores, and the model's rotary angles."""
    torch.manual_seed(0)
    config = model.config
    size = model.model.layers[0].self_attn.head_dim
    heads = (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)
    tensors = [torch.randn(2, h, length, size).to(dtype).requires_grad_() for h in heads]
    positions = torch.arange(length).expand(2, length)
    return tensors, model.model.rotary_emb(tensors[0], positions)


def attend(model, tensors, mask, angles, **options):
    """Output and the gradients of query, key and value, for a fixed gradient of the output."""
    module = model.model.layers[0].self_attn
    output, _ = mirrored_attention(module, *tensors, mask, module.scaling, rotary_angles=angles, **options)
    torch.manual_seed(1)
    gradient = torch.randn(output.shape).to(output)
    return output, *torch.autograd.grad(output, tensors, gradient)


def pairwise(monkeypatch, *args, **options):
    """The same from the scores of every pair."""
    with monkeypatch.context() as patch:
        patch.setattr(mirrored_flash, "MIN_LENGTH", 10**9)
        return attend(*args, **options)


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("make", [llama, grouped_llama, yarn_llama, partly_rotated_glm4])
def test_a_long_row_has_the_values_and_gradients_of_the_scores_of_every_pair(make, keys, used, monkeypatch):
    model = make()
    tensors, angles = operands(model, LENGTH)
    mask = keys(LENGTH)[:, None, None, :].expand(-1, 1, LENGTH, -1)
    expected = pairwise(monkeypatch, model, tensors, mask, angles)
    assert not used
    for found, wanted in zip(attend(model, tensors, mask, angles), expected, strict=True):
        assert (found - wanted).abs().max() < 1e-5 * max(1, wanted.abs().max())
    assert used == [LENGTH]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("length", [LENGTH, LENGTH + 3])
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("make", [llama, grouped_llama, yarn_llama, partly_rotated_glm4])
def test_a_gpu_attends_long_rows_alike(make, keys, length, dtype, used, monkeypatch):
    """In half precision about as near to float32 as the scores of every pair come."""
    model = make(**GPU_HEADS)
    tensors, angles = operands(model, length, dtype)
    exact = [tensor.detach().float().requires_grad_() for tensor in tensors]
    mask = keys(length)[:, None, None, :].expand(-1, 1, length, -1)
    expected = pairwise(monkeypatch, model, exact, mask, angles)
    model = model.cuda()
    on_gpu = [tensor.detach().cuda().requires_grad_() for tensor in tensors]
    angles, mask = tuple(angle.cuda() for angle in angles), mask.cuda()
    rounded = pairwise(monkeypatch, model, on_gpu, mask, angles)
    assert not used
    for found, plain, wanted in zip(attend(model, on_gpu, mask, angles), rounded, expected, strict=True):
        assert found.dtype == dtype and found.is_cuda
        error, plain_error = ((tensor.float().cpu() - wanted).abs().max() for tensor in (found, plain))
        # Of the one visible key, the gradient is a sum over all queries that would be 0 exactly without rounding.
        assert error < max(5e-5 * max(1, wanted.abs().max()), 2 * plain_error, 2**6 * torch.finfo(dtype).eps)
    assert used == [length]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_heads_that_the_kernel_of_a_gpu_does_not_take_are_attended_as_ever(used):
    model = llama()
    tensors, angles = operands(model, LENGTH, torch.bfloat16)
    on_gpu = [tensor.detach().cuda().requires_grad_() for tensor in tensors]
    mask = denoised(LENGTH)[:, None, None, :].expand(-1, 1, LENGTH, -1).cuda()
    output, *_ = attend(model.cuda(), on_gpu, mask, tuple(angle.cuda() for angle in angles))
    assert not used and output.isfinite().all()


def test_a_layer_without_positions_attends_its_long_rows_alike(used, monkeypatch):
    model = llama()
    tensors, _ = operands(model, LENGTH)
    mask = denoised(LENGTH)[:, None, None, :].expand(-1, 1, LENGTH, -1)
    expected = pairwise(monkeypatch, model, tensors, mask, None)
    torch.testing.assert_close(attend(model, tensors, mask, None), expected, rtol=1e-5, atol=1e-5)
    assert used == [LENGTH]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_long_rows_of_a_padded_causal_batch_are_attended_by_stock_attention(dtype, monkeypatch):
    """As in BICO's NTP steps. In float32 the values and gradients are those of the scores of every pair."""
    model = grouped_llama()
    tensors, angles = operands(model, LENGTH, dtype)
    keys = padded(slice(-100, None), LENGTH)
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril() & keys[:, None, None, :]
    expected = pairwise(monkeypatch, model, tensors, mask, angles)
    monkeypatch.delattr(attention_module, "_attend_every_pair")
    rounding = 1e-5 if dtype == torch.float32 else 2**-6
    for found, wanted in zip(attend(model, tensors, mask, angles), expected, strict=True):
        assert (found - wanted).abs().max() < rounding * max(1, wanted.abs().max())


@pytest.mark.parametrize("length", [MIN_LENGTH - 1, MIN_LENGTH, MIN_LENGTH + 1])
def test_rows_below_the_threshold_are_attended_as_ever(length, used, monkeypatch):
    model = llama()
    tensors, angles = operands(model, length)
    mask = denoised(length)[:, None, None, :].expand(-1, 1, length, -1)
    expected = pairwise(monkeypatch, model, tensors, mask, angles)
    found = attend(model, tensors, mask, angles)
    if length < MIN_LENGTH:
        assert not used and all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    else:
        assert used == [length]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("autocast", [False, True], ids=["plain", "autocast"])
def test_bfloat16_operands_are_attended_in_float32(autocast, used):
    """Only the rounding of output and gradients shows."""
    model = llama()
    tensors, (cos, sin) = operands(model, LENGTH, torch.bfloat16)
    mask = denoised(LENGTH)[:, None, None, :].expand(-1, 1, LENGTH, -1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        found = attend(model, tensors, mask, (cos, sin))
    assert used == [LENGTH]
    assert {tensor.dtype for tensor in found} == {torch.bfloat16}
    exact = [tensor.detach().float().requires_grad_() for tensor in tensors]
    for result, wanted in zip(found, attend(model, exact, mask, (cos.float(), sin.float())), strict=True):
        assert (result.float() - wanted).abs().max() < 2**-8 * wanted.abs().max()


MASK_OF_ALL = torch.ones(2, 1, LENGTH, LENGTH, dtype=torch.bool)
ROW_WITHOUT_KEYS = MASK_OF_ALL & torch.tensor([True, False])[:, None, None, None]
ONE_QUERY_DIFFERS = MASK_OF_ALL.clone()
ONE_QUERY_DIFFERS[1, 0, 200, 3] = False


@pytest.mark.parametrize(
    ("mask", "dtype", "dropout"),
    [
        (ROW_WITHOUT_KEYS, torch.float32, 0.0),
        (ONE_QUERY_DIFFERS, torch.float32, 0.0),
        (MASK_OF_ALL, torch.float32, 0.5),
        (MASK_OF_ALL, torch.float16, 0.0),
        (MASK_OF_ALL, torch.float64, 0.0),
    ],
    ids=["row-without-keys", "one-query-differs", "dropout", "float16", "float64"],
)
def test_every_pair_is_scored_where_two_causal_sides_would_not_do(mask, dtype, dropout, used):
    model = llama()
    tensors, angles = operands(model, LENGTH, dtype)
    output, *_ = attend(model, tensors, mask, angles, dropout=dropout)
    assert not used and output.isfinite().all()


def training_step(model: PreTrainedModel, batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss and gradients of a denoising step."""
    inputs = {name: torch.from_numpy(getattr(batch, name)) for name in ("input_ids", "attention_mask", "position_ids")}
    logits = model(**inputs, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(batch.labels).flatten(), ignore_index=IGNORE
    )
    model.zero_grad()
    loss.backward()
    return loss, {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "gradient-checkpointing"])
def test_a_bico_step_over_long_rows_has_the_loss_and_gradients_of_the_scores_of_every_pair(
    checkpointing, used, monkeypatch
):
    generator = np.random.default_rng(0)
    rows = [Row([1, *generator.integers(3, 97, length).tolist(), 2], 1) for length in (LENGTH, LENGTH - 60)]
    tokens = TokenIds(pad=0, special=frozenset({0, 1, 2}))
    batch = denoising_batch(rows, tokens, [Bico().draw_masked(row, tokens, 0.15, generator) for row in rows])
    model = grouped_llama().train()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    install_mirrored_attention(model)
    loss, gradients = training_step(model, batch)
    assert used == [LENGTH + 2] * (4 if checkpointing else 2)

    monkeypatch.setattr(mirrored_flash, "MIN_LENGTH", 10**9)
    expected_loss, expected = training_step(model, batch)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-6, atol=1e-6)
    for name, gradient in gradients.items():
        assert (gradient - expected[name]).abs().max() < 1e-5 * max(1e-3, expected[name].abs().max()), name


def test_nothing_as_large_as_every_pair_is_kept_for_the_backward_pass():
    length = 2 * MIN_LENGTH
    model = llama(max_position_embeddings=length)
    tensors, angles = operands(model, length)
    mask = denoised(length)[:, None, None, :].expand(-1, 1, length, -1)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda _: None):
        module = model.model.layers[0].self_attn
        mirrored_attention(module, *tensors, mask, module.scaling, rotary_angles=angles)
    assert max(kept) == tensors[0].numel() < length * length
