"""Which tokens a rotary model gets for blanks, and that nothing leaks out of a blank."""

from pathlib import Path

import pytest
import torch
from checkpoints import byte_tokenizer, save_checkpoint
from test_training import EXAMPLES, run_training, spec_for
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.base import tokenize
from reversal_cli.models.extra_tokens import unused_ids
from reversal_cli.models.loading import load_for_evaluation, load_for_training
from reversal_cli.models.rotary_blanks import with_blanks
from reversal_cli.objectives.base import IGNORE, Draw

ABI = {"name": "abi"}


def checkpoint_with(folder: Path, tokens: list[str], spare_rows: int) -> str:
    """A random Llama whose tokenizer has `tokens` too, and whose tables have `spare_rows` rows more than it."""
    save_checkpoint(folder, LlamaConfig, LlamaForCausalLM, bos=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    tokenizer.save_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer) + spare_rows, mean_resizing=False)
    model.save_pretrained(folder)
    return str(folder)


def test_a_model_that_knows_blanks_keeps_its_own_tokens(tmp_path):
    own = ["[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"]
    loaded = load_for_training(spec_for(checkpoint_with(tmp_path, own, 0), ABI))
    ids = dict(zip(own, loaded.tokenizer.convert_tokens_to_ids(own), strict=True))
    blanks = loaded.tokens.blanks
    assert (blanks.mask, blanks.long_mask, blanks.sentence_mask) == (ids["[MASK]"], ids["[gMASK]"], ids["[sMASK]"])
    assert (blanks.sop, blanks.eop) == (ids["<sop>"], ids["<eop>"])
    assert loaded.added_rows == ()


def test_rows_behind_the_vocabulary_come_first_then_reserved_tokens(tmp_path):
    tokens = ["<|reserved_special_token_10|>", "<|reserved_special_token_9|>"]
    loaded = load_for_training(spec_for(checkpoint_with(tmp_path, tokens, 1), ABI))
    last = len(loaded.tokenizer) - 1
    assert unused_ids(loaded.tokenizer, last + 2) == [last + 1, last, last - 1]
    blanks = loaded.tokens.blanks
    assert (blanks.mask, blanks.sop, blanks.eop) == (last + 1, last, loaded.tokenizer.eos_token_id)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_rows_are_added_where_there_is_no_unused_id_and_are_trained_and_saved(tmp_path, tuning):
    checkpoint = checkpoint_with(tmp_path / "llama", [], 0)
    spec = spec_for(checkpoint, ABI, tuning=tuning, learning_rate=0.05)
    before = load_for_training(spec)
    size = len(before.tokenizer)
    assert before.model.config.vocab_size == size + 2 and before.added_rows == (size, size + 1)
    run, _ = run_training(spec, tmp_path / "run")
    after = load_for_evaluation(spec, run)
    assert after.tokens.blanks == before.tokens.blanks
    rows = [loaded.model.get_input_embeddings().weight[size:].float() for loaded in (before, after)]
    assert not torch.allclose(*rows, atol=1e-3)
    assert len(list(complete_prompts(after, spec.objective, ["Ann Low is"], 4, 1))) == 1


def test_new_rows_are_drawn_always_alike_and_look_like_the_others(llama_checkpoint):
    tables = [load_for_training(spec_for(llama_checkpoint, ABI)) for _ in range(2)]
    first, second = (loaded.model.get_input_embeddings().weight for loaded in tables)
    assert torch.equal(first, second)
    new = first[list(tables[0].added_rows)]
    assert 0.5 < (new.std() / first.std()).item() < 2


def test_a_model_whose_attention_would_misread_the_mask_is_refused(llama_checkpoint):
    loaded = load_for_training(spec_for(llama_checkpoint))
    loaded.model.set_attn_implementation("eager")
    with pytest.raises(ReversalError, match="its attention is 'eager'; ABI needs 'sdpa'"):
        with_blanks(loaded, new=True, objective="ABI")


@pytest.mark.parametrize("policy", ["single", "random"])
@pytest.mark.parametrize("checkpoint", ["llama", "qwen", "glm4", "glm"])
@torch.no_grad()
def test_a_blanked_token_changes_no_logits_that_predict_it_or_one_before(checkpoint, policy, request):
    """For every label: another token there, and wherever else it stands in the input after it, gives equal logits."""
    objective = {"name": "abi", "span_policy": policy, "mask_ratio": 0.4}
    spec = spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"), objective)
    loaded = load_for_training(spec)
    rows = tokenize(loaded.tokenizer, EXAMPLES[:2], 256)
    batch = spec.objective.collate(rows, loaded.tokens, Draw(1, 0, (0, 1)))
    mask, positions = torch.from_numpy(batch.attention_mask), torch.from_numpy(batch.position_ids)

    def logits(ids):
        return loaded.model(input_ids=ids, attention_mask=mask, position_ids=positions).logits

    clean = logits(torch.from_numpy(batch.input_ids))
    for row in range(2):
        scored = (batch.labels[row] != IGNORE).nonzero()[0]
        for position in scored[1:]:  # the input at a label position is the token that the label before it asks for
            ids = torch.from_numpy(batch.input_ids.copy())
            ids[row, position] = 7 if ids[row, position] != 7 else 8
            changed = (logits(ids)[row] - clean[row]).abs().amax(dim=-1) > 1e-6
            assert not changed[:position].any() and changed[position]


def test_training_leaves_the_tokenizer_as_it_was(llama_checkpoint, tmp_path):
    run, _ = run_training(spec_for(llama_checkpoint, ABI, tuning="full"), tmp_path / "run")
    assert AutoTokenizer.from_pretrained(run.model_path).get_vocab() == byte_tokenizer(bos=True).get_vocab()
