"""New tiny models of each family: a byte-level BPE trained on a corpus, and a network with random weights."""

import itertools
from collections.abc import Callable, Iterator, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from reversal_cli.data.base import Example
from reversal_cli.data.name_description.lexicon import BENCHMARK
from reversal_cli.models.base import Loaded, sentence_ends
from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel
from reversal_cli.models.glm_tokenizer import EOP, LONG_MASK, MASK, SENTENCE_MASK, SOP, finish_tokenizer, glm_tokens
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import FamilyName, TokenIds
from reversal_cli.spec.presets import EMBEDDED, TINY_GLM_CONFIG, TINY_LLAMA_CONFIG

LLAMA_SPECIAL = ["<pad>", "<s>", "</s>"]
GLM_EOS, GLM_CLS = "<|endoftext|>", "[CLS]"
GLM_SPECIAL = [GLM_EOS, SOP, EOP, GLM_CLS, MASK]
TASK_MASKS = [LONG_MASK, SENTENCE_MASK]
BENCHMARK_WEIGHT = 60
"""How often a name or title word of the benchmark counts in the tokenizer's statistics: about as often as a word of the
corpus occurs."""
LIST_WEIGHTS = {"given_names": 40, "surnames": 40, "common_words": 20}
"""How often each word counts of the lists in models/word_lists, which has their sources."""
ROOM_FOR_LISTS = 4000
"""Tokens from which a vocabulary has room for the lists."""


def new_llama(examples: Sequence[Example], vocab_size: int, abi: Abi) -> Loaded:
    """A Llama, with a bos in front of every text. It has no tokens for blanks."""
    bpe = train_bpe(examples, vocab_size, LLAMA_SPECIAL)
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", bpe.token_to_id("<s>"))]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **TINY_LLAMA_CONFIG,
    )
    tokens = TokenIds(tokenizer.pad_token_id, frozenset(tokenizer.all_special_ids))
    return Loaded(LlamaForCausalLM(config), tokenizer, {}, tokens)


def new_glm(examples: Sequence[Example], vocab_size: int, abi: Abi) -> Loaded:
    """A GLM of 2022, with [CLS] and eos around every text. Without task masks [MASK] is its only mask token, so that no
    other, untrained one is ever used."""
    special = [*GLM_SPECIAL, *(TASK_MASKS if abi.task_masks else ())]
    bpe = train_bpe(examples, vocab_size, special)
    tokenizer = finish_tokenizer(bpe, GLM_CLS, GLM_EOS, special)
    config = GlmAbiConfig(vocab_size=len(tokenizer), **TINY_GLM_CONFIG)
    tokens = glm_tokens(tokenizer, sentence_ends(tokenizer))
    return Loaded(GlmAbiModel(config), tokenizer, {}, tokens, config.max_sequence_length, family="glm")


NEW: dict[FamilyName, Callable[[Sequence[Example], int, Abi], Loaded]] = {"rotary": new_llama, "glm": new_glm}
"""Family -> how to make its tiny model from a corpus, a vocabulary size, and the way GLM is pretrained."""


def train_bpe(examples: Sequence[Example], vocab_size: int, special_tokens: list[str]) -> Tokenizer:
    """Byte-level BPE on the corpus and on bare words, which the network never sees; special tokens have the first ids.

    The words are those of the benchmark's names and titles and, where there is room, lists of common English words and
    names: a real model's tokenizer has such words as one or two tokens; without them only the corpus's own would be.

    A text's first word is tokenized as if a space preceded it, as Llama's own tokenizer does: with so few tokens, a
    name would otherwise fall to pieces wherever it begins the sentence.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special_tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (example.text for example in examples)
    words = (f" {word}" for word in itertools.chain.from_iterable(_bare_words(vocab_size)))
    tokenizer.train_from_iterator(itertools.chain(texts, words), trainer)
    return tokenizer


def _bare_words(vocab_size: int) -> Iterator[list[str]]:
    """Lists of words, each word as often as it counts."""
    yield sorted(BENCHMARK.name_words | BENCHMARK.title_words) * BENCHMARK_WEIGHT
    for name, weight in LIST_WEIGHTS.items() if vocab_size >= ROOM_FOR_LISTS else ():
        yield (EMBEDDED / "word_lists" / f"{name}.txt").read_text(encoding="utf-8").split() * weight
