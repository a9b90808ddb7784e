"""Losses of a few rows at a time against those of all at once: values, gradients, precisions."""

import pytest
import torch
from torch import nn

from reversal_cli.models import token_losses as module
from reversal_cli.models.token_losses import mean_loss, token_losses
from reversal_cli.objectives.base import IGNORE

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture(autouse=True)
def parts_of_three_rows(monkeypatch):
    monkeypatch.setattr(module, "ELEMENTS", {"cpu": 3 * 11})


def drawn(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [8, 11], which makes parts of three, three and two rows, and targets of which two are left out."""
    generator = torch.Generator().manual_seed(0)
    logits = (4 * torch.randn(8, 11, generator=generator)).to(dtype)
    targets = torch.randint(0, 11, (8,), generator=generator)
    targets[[1, 7]] = IGNORE
    return logits, targets


def plain(logits: torch.Tensor, targets: torch.Tensor, divisor: float, weights: torch.Tensor | None) -> torch.Tensor:
    losses = nn.functional.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="none")
    return (losses if weights is None else losses * weights).sum() / divisor


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_tokens_are_those_of_all_at_once(dtype):
    logits, targets = drawn(dtype)
    expected = nn.functional.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="none")
    assert torch.equal(token_losses(logits, targets), expected)


@pytest.mark.parametrize("upstream", [1.0, 0.25])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mean_and_its_gradient_are_those_of_all_at_once(dtype, weighted, upstream):
    logits, targets = drawn(dtype)
    weights = torch.linspace(0, 2, 8) if weighted else None  # a label of weight 0 too
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    loss, expected = mean_loss(ours, targets, 6.0, weights), plain(theirs, targets, 6.0, weights)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    (upstream * loss).backward()
    (upstream * expected).backward()
    assert ours.grad.dtype == dtype
    if upstream == 1:
        assert torch.equal(ours.grad, theirs.grad)
    rounding = {torch.float32: 1e-6, torch.bfloat16: 8e-3, torch.float16: 1e-3}[dtype]
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=rounding, atol=1e-7)
    assert not ours.grad[[1, 7]].any()


def test_a_loss_without_a_gradient_is_the_same():
    logits, targets = drawn(torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(mean_loss(logits, targets, 6.0), plain(logits, targets, 6.0, None))


def test_what_is_not_a_number_stays_so():
    logits, targets = drawn(torch.float32)
    logits[0, 3] = torch.nan
    assert mean_loss(logits, targets, 6.0).isnan()
    logits, targets = drawn(torch.float32)
    logits[1, 0] = -torch.inf  # of a token that is left out
    assert mean_loss(logits, targets, 6.0).isfinite()
