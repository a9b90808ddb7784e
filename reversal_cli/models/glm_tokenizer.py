"""The tokenizers of the 2022 GLM checkpoints, from their published files: GPT-2's and RoBERTa's byte-level BPE.

Read in the ordinary way, those files give wrong ids: no [CLS] and eos around the text, and an extra token for the space
before a [MASK]. As in the pretraining code, a mask token here takes the white space on its left and leaves that on its
right.
"""

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import parse_json, read_utf8
from reversal_cli.objectives.base import BlankTokens, TokenIds

PUBLISHED_FILES = ("vocab.json", "merges.txt", "added_tokens.json")
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
    if cls not in everything or eos not in everything:
        raise ReversalError(f"vocab.json: no {cls if cls not in everything else eos}; expected the published file")
    if mask_token_id is not None:
        if everything.get(ROBERTA_MASK) == mask_token_id:
            del everything[ROBERTA_MASK]
        taken = [token for token, token_id in everything.items() if token_id == mask_token_id and token != MASK]
        if taken:
            raise ReversalError(
                f"model.mask_token_id: {mask_token_id} is the token {taken[0]!r}; expected an id without one"
            )
        everything[MASK] = mask_token_id
    tokenizer = Tokenizer(models.BPE(vocab=everything, merges=read_merges(merges, vocabulary)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return finish_tokenizer(tokenizer, cls, eos, special=[*added, *(() if gpt2 else ROBERTA_SPECIAL)])


def read_merges(lines: list[str], vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """The pairs of merges.txt. Raises ReversalError for a line that is not a pair, or whose tokens vocab.json lacks."""
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#version"):
            continue
        pair = line.split()
        if len(pair) != 2 or not {*pair, "".join(pair)} <= vocabulary.keys():
            raise ReversalError(f"merges.txt: line {number} merges no tokens of vocab.json; expected published files")
        pairs.append((pair[0], pair[1]))
    return pairs


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

    files: name -> path of the files there are. Raises ReversalError if they are not a GLM's, or cannot be read.
    """
    lacking = [name for name in PUBLISHED_FILES if name not in files]
    if not lacking:
        merges = read_utf8(files["merges.txt"], "a text file").split("\n")
        vocabulary, added = (_read_ids(files[name]) for name in ("vocab.json", "added_tokens.json"))
        return build_tokenizer(vocabulary, merges, added, mask_token_id)
    if "tokenizer.json" not in files:
        expected = ", ".join(PUBLISHED_FILES)
        raise ReversalError(f"no {', '.join(lacking)}; expected the published tokenizer files, {expected}")
    if mask_token_id is not None:
        raise ReversalError("model.mask_token_id: this checkpoint was saved with its mask token; leave it out")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(files["tokenizer.json"].parent)
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in (MASK, SOP, EOP) if token not in vocabulary]
    if missing or tokenizer.cls_token is None or tokenizer.eos_token is None:
        raise ReversalError(f"tokenizer.json: no {', '.join(missing) or 'cls or eos token'}; expected a GLM's of 2022")
    return tokenizer


def glm_tokens(tokenizer: PreTrainedTokenizerFast, sentence_ends: frozenset[int]) -> TokenIds:
    """What objectives need to know about the tokens of a GLM."""
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
    return TokenIds(tokenizer.pad_token_id, special, True, blanks, sentence_ends, len(tokenizer))


def _read_ids(path: Path) -> dict[str, int]:
    """Token -> id."""
    try:
        content = parse_json(read_utf8(path, "the published file"))
    except ValueError as error:
        raise ReversalError(f"{path.name}: not valid JSON ({error}); expected the published file") from None
    if not isinstance(content, dict) or not all(isinstance(value, int) for value in content.values()):
        raise ReversalError(f"{path.name}: no table of ids by token; expected the published file")
    return content
