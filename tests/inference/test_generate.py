"""Greedy decoding of a tiny random Llama."""

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Completion
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.inference.generate import decode_continuation, encode_prompt, generate_completions
from reversal_cli.models.base import Loaded
from reversal_cli.objectives.base import TokenIds
from reversal_cli.objectives.ntp import Ntp

LETTERS = "abcdefghijklmnopqrstuvwxyz ,."
PROMPTS = ["known for", "a", "the composer of a symphony, ", "born in", "x y z", "abc, def. ghi", "w"]
NEW_TOKENS = 12


def character_tokenizer(ending: str = "") -> PreTrainedTokenizerFast:
    """One token per character, <s> in front; `ending` is what else the tokenizer appends."""
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    special = [("<s>", 1), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"<s> $A {ending}".strip(), special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", padding_side="right"
    )


@pytest.fixture(scope="module")
def tokenizer():
    return character_tokenizer()


@pytest.fixture(scope="module")
def model():
    """Weights so large that greedy completions vary, and some end with eos."""
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=3 + len(LETTERS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.4,
    )
    return LlamaForCausalLM(config).eval()


@torch.no_grad()
def one_by_one(model, tokenizer, prompt: str) -> tuple[str, bool]:
    """No cache, no padding, no generate: the argmax of the last logits, again and again."""
    prompt_ids = tokenizer(prompt)["input_ids"]
    new_ids: list[int] = []
    while len(new_ids) < NEW_TOKENS:
        logits = model(torch.tensor([prompt_ids + new_ids]), use_cache=False).logits[0, -1]
        token = int(logits.argmax())
        if token == tokenizer.eos_token_id:
            return "".join(tokenizer.convert_ids_to_tokens(new_ids, skip_special_tokens=True)), True
        new_ids.append(token)
    return "".join(tokenizer.convert_ids_to_tokens(new_ids, skip_special_tokens=True)), False


def generate(model, tokenizer, batch_size: int, prompts: list[str] = PROMPTS) -> list[Completion]:
    """By our own decoding, which is that of `generate`."""
    loaded = Loaded(model, tokenizer, {}, TokenIds(tokenizer.pad_token_id, frozenset(tokenizer.all_special_ids)))
    own, expected = (
        sorted(completion for batch in batches for completion in batch)
        for batches in (
            complete_prompts(loaded, Ntp(), prompts, NEW_TOKENS, batch_size),
            generate_completions(model, tokenizer, prompts, NEW_TOKENS, batch_size),
        )
    )
    assert own == expected
    return own


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64])
def test_a_completion_is_the_same_in_every_batch_size(model, tokenizer, batch_size):
    expected = [Completion(i, *one_by_one(model, tokenizer, prompt)) for i, prompt in enumerate(PROMPTS)]
    assert generate(model, tokenizer, batch_size) == expected


def test_the_tiny_model_shows_both_endings_and_different_completions(model, tokenizer):
    """Otherwise the test above would show little."""
    completions = generate(model, tokenizer, 3)
    assert {completion.stopped for completion in completions} == {True, False}
    assert len({completion.text for completion in completions}) == len(PROMPTS)


def test_the_longest_prompts_come_first(model, tokenizer):
    batches = list(generate_completions(model, tokenizer, PROMPTS, 1, batch_size=2))
    lengths = [len(PROMPTS[completion.index]) for batch in batches for completion in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]


def test_generation_settings_of_the_checkpoint_do_not_leak_in_and_are_not_lost(model, tokenizer):
    expected = generate(model, tokenizer, 3)
    plain = model.generation_config
    own = GenerationConfig(
        do_sample=True,
        temperature=5.0,
        repetition_penalty=9.0,
        no_repeat_ngram_size=1,
        forced_eos_token_id=7,
        suppress_tokens=list(range(8, 20)),
        min_new_tokens=12,
        max_length=3,
        eos_token_id=[5, 6],
    )
    model.generation_config = own
    try:
        assert generate(model, tokenizer, 3) == expected
        assert model.generation_config is own
    finally:
        model.generation_config = plain


def test_generation_settings_do_not_leak_through_a_peft_wrapper(model, tokenizer):
    from peft import LoraConfig, get_peft_model

    expected = generate(model, tokenizer, 3)
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.generation_config.repetition_penalty = 9.0
    wrapped = get_peft_model(copy, LoraConfig(r=2, target_modules="all-linear"))
    assert generate(wrapped, tokenizer, 3) == expected
    assert copy.generation_config.repetition_penalty == 9.0


def test_the_tokenizer_is_left_as_it_was(model, tokenizer):
    generate(model, tokenizer, 3)
    assert tokenizer.padding_side == "right"


def test_dropout_is_off(tokenizer):
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    )
    config.attention_dropout = 0.9
    model = LlamaForCausalLM(config).train()
    assert generate(model, tokenizer, 3) == generate(model.train(), tokenizer, 3)


def test_a_prompt_begins_with_bos_and_does_not_end_with_eos():
    assert encode_prompt(character_tokenizer(), "ab") == [1, 3, 4]
    assert encode_prompt(character_tokenizer(ending="</s>"), "ab") == [1, 3, 4]


def test_a_tokenizer_without_pad_token_works(model, tokenizer):
    unpadded = character_tokenizer()
    unpadded.pad_token = None
    assert generate(model, unpadded, 3) == generate(model, tokenizer, 3)


def test_a_tokenizer_without_eos_token_is_an_error_that_says_so(model):
    endless = character_tokenizer()
    endless.eos_token = None
    with pytest.raises(ReversalError, match="has no eos token; expected"):
        generate(model, endless, 3)


def test_no_prompts_give_no_completions(model, tokenizer):
    assert generate(model, tokenizer, 3, prompts=[]) == []


def test_a_continuation_keeps_the_space_that_a_tokenizer_like_llama_2s_drops_at_the_start_of_a_text():
    words = ["<unk>", "\u2581Meet", "\u2581the", "\u2581owl", "."]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    assert tokenizer.decode([2, 3, 4]) == "the owl."
    assert decode_continuation(tokenizer, [1], [2, 3, 4]) == " the owl."
    assert decode_continuation(tokenizer, [1, 2], []) == ""


def test_a_continuation_that_completes_a_character_is_decoded_alone():
    tokenizer = Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[])
    )
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    first, *rest = tokenizer("é owl")["input_ids"]
    assert decode_continuation(tokenizer, [first], rest).endswith(" owl")
