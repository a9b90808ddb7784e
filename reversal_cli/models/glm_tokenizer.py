"""The tokenizers of the 2022 GLM checkpoints, from their published files: GPT-2's and RoBERTa's byte-level BPE.

Read in the ordinary way, those files give wrong ids: no [CLS] and eos around the text, and an extra token for the space
before a [MASK]. As in the pretraining code, a mask token here takes the white space on its left and leaves that on its
right.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import BlankTokens, TokenIds

MASK, SENTENCE_MASK, LONG_MASK = "[MASK]", "[sMASK]", "[gMASK]"
SOP, EOP = "<|startofpiece|>", "<|endofpiece|>"
MASKS = (MASK, SENTENCE_MASK, LONG_MASK)
ROBERTA_SPECIAL = ("<s>", "</s>", "<pad>", "<unk>")
ROBERTA_MASK = "<mask>"


def build_tokenizer(
    vocabulary: dict[str, int], merges: list[str], added: dict[str, int], mask_token_id: int | None = None
) -> PreTrainedTokenizerFast:
    """The tokenizer of a published checkpoint, which writes `[CLS] text eos`.

    vocabulary, merges and added are vocab.json, the lines of merges.txt and added_tokens.json. The flavour is told by
    `added`, which has a [CLS] of its own in GPT-2's case only. `mask_token_id` gives [MASK] another id.
    """
    missing = [token for token in (MASK, SOP, EOP) if token not in added]
    if missing:
        raise ReversalError(f"added_tokens.json: no {', '.join(missing)}; expected those of a GLM of 2022")
    gpt2 = "[CLS]" in added
    cls, eos = ("[CLS]", "<|endoftext|>") if gpt2 else ("<s>", "</s>")
    everything = {**vocabulary, **added}
    if mask_token_id is not None:
        if everything.get(ROBERTA_MASK) == mask_token_id:
            del everything[ROBERTA_MASK]
        taken = [token for token, token_id in everything.items() if token_id == mask_token_id and token != MASK]
        if taken:
            raise ReversalError(
                f"model.mask_token_id: {mask_token_id} is the token {taken[0]!r}; expected an id without one"
            )
        everything[MASK] = mask_token_id
    pairs = [tuple(line.split()) for line in merges if line and not line.startswith("#version")]
    tokenizer = Tokenizer(models.BPE(vocab=everything, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return finish_tokenizer(tokenizer, cls, eos, special=[*added, *(() if gpt2 else ROBERTA_SPECIAL)])


def finish_tokenizer(tokenizer: Tokenizer, cls: str, eos: str, special: list[str]) -> PreTrainedTokenizerFast:
    """Makes the special tokens special and adds `cls` and `eos` around every text. Their ids are already there."""
    present = [token for token in dict.fromkeys([cls, eos, *special]) if tokenizer.token_to_id(token) is not None]
    tokenizer.add_special_tokens(
        [AddedToken(token, lstrip=token in MASKS, rstrip=False, normalized=False, special=True) for token in present]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {eos}", special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, eos)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=cls,
        eos_token=eos,
        pad_token=eos,
        mask_token=AddedToken(MASK, lstrip=True, rstrip=False, normalized=False, special=True),
        clean_up_tokenization_spaces=False,
    )


def read_tokenizer(files: dict[str, Path], mask_token_id: int | None) -> PreTrainedTokenizerFast:
    """From published files (vocab.json, merges.txt, added_tokens.json), or from a tokenizer.json that we saved.

    files: name -> path of the files there are. Raises ReversalError where they are not a GLM's, or cannot be read.
    """
    if {"vocab.json", "merges.txt", "added_tokens.json"} <= files.keys():
        merges = files["merges.txt"].read_text(encoding="utf-8").split("\n")
        vocabulary, added = (_read_json(files[name]) for name in ("vocab.json", "added_tokens.json"))
        return build_tokenizer(vocabulary, merges, added, mask_token_id)
    if "tokenizer.json" not in files:
        raise ReversalError("no tokenizer files; expected vocab.json, merges.txt and added_tokens.json as published")
    if mask_token_id is not None:
        raise ReversalError("model.mask_token_id: this checkpoint was saved with its mask token; leave it out")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(files["tokenizer.json"].parent)
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in (MASK, SOP, EOP) if token not in vocabulary]
    if missing or tokenizer.cls_token is None or tokenizer.eos_token is None:
        raise ReversalError(f"tokenizer.json: no {', '.join(missing) or 'cls or eos token'}; expected a GLM's of 2022")
    return tokenizer


def glm_tokens(tokenizer: PreTrainedTokenizerFast, sentence_ends: frozenset[int]) -> TokenIds:
    """What objectives have to know of a GLM tokenizer."""
    vocabulary = tokenizer.get_vocab()
    mask = vocabulary[MASK]
    blanks = BlankTokens(
        mask=mask,
        sentence_mask=vocabulary.get(SENTENCE_MASK, mask),
        long_mask=vocabulary.get(LONG_MASK),
        sop=vocabulary[SOP],
        eop=vocabulary[EOP],
        eos=tokenizer.eos_token_id,
    )
    special = frozenset({*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder})
    return TokenIds(tokenizer.pad_token_id, special, "glm", blanks, sentence_ends)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReversalError(f"{path.name}: not valid JSON ({error}); expected the published file") from None
