"""Token ids of both flavours against the pretraining code's.

GPT-2's ids are the real ones: the subset of its vocabulary that the example texts need lies among the references.
RoBERTa has the same merges under other ids; its vocabulary is not here, so the ids of the examples' tokens are taken
from the reference itself and only the mechanism around them is tested.
"""

import json

import pytest
from glm_reference import FOLDER

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import sentence_ends
from reversal_cli.models.glm_tokenizer import build_tokenizer, glm_tokens

REFERENCE = json.loads((FOLDER / "tokenizer_original_repo.json").read_text())
SUBSET = json.loads((FOLDER / "gpt2_subset.json").read_text())
GPT2_ADDED = {token: 50257 + index for index, token in enumerate(
    ["<|startofpiece|>", "<|endofpiece|>", "[CLS]", "[MASK]", "[SEP]", "[UNUSED]", "[gMASK]", "[sMASK]"]
)}  # fmt: skip
ROBERTA_ADDED = {"<|startofpiece|>": 50265, "<|endofpiece|>": 50266, "[MASK]": 50267}
ROBERTA_TEXTS = list(REFERENCE["roberta"]["examples"])


def gpt2(**options):
    return build_tokenizer(SUBSET["vocab"], ["#version: 0.2", *SUBSET["merges"]], GPT2_ADDED, **options)


def roberta(**options):
    vocabulary = {token: 60000 + index for index, token in enumerate(SUBSET["vocab"]) if token != "<|endoftext|>"}
    tokenizer = gpt2()
    for text, ids in REFERENCE["roberta"]["examples"].items():
        tokens = tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])
        vocabulary.update({token: own for token, own in zip(tokens, ids, strict=True) if token != "[MASK]"})
    vocabulary |= {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 50264}
    return build_tokenizer(vocabulary, SUBSET["merges"], ROBERTA_ADDED, **options)


@pytest.mark.parametrize("text", REFERENCE["gpt2"]["examples"])
def test_gpt2_ids_are_those_of_the_pretraining_code(text):
    assert gpt2()(text)["input_ids"] == [50259, *REFERENCE["gpt2"]["examples"][text], 50256]


@pytest.mark.parametrize("text", ROBERTA_TEXTS)
def test_roberta_ids_are_those_of_the_pretraining_code(text):
    """Which used RoBERTa's own <mask>, 50264, where the hub's files say 50267."""
    expected = REFERENCE["roberta"]["examples"][text]
    assert roberta(mask_token_id=50264)(text)["input_ids"] == [0, *expected, 2]
    assert roberta()(text)["input_ids"] == [0, *(50267 if token == 50264 else token for token in expected), 2]


def test_the_special_tokens_have_the_published_ids():
    blanks, ids = glm_tokens(gpt2(), frozenset()).blanks, REFERENCE["gpt2"]["ids"]
    assert (blanks.mask, blanks.sentence_mask, blanks.long_mask) == tuple(
        ids[name][1] for name in ("MASK", "sMASK", "gMASK")
    )
    assert (blanks.sop, blanks.eop, blanks.eos) == tuple(ids[name][1] for name in ("sop", "eop", "eos"))
    tokens, ids = glm_tokens(roberta(mask_token_id=50264), frozenset()), REFERENCE["roberta"]["ids"]
    assert (tokens.blanks.mask, tokens.blanks.sentence_mask, tokens.blanks.long_mask) == (50264, 50264, None)
    assert (tokens.blanks.sop, tokens.blanks.eop, tokens.blanks.eos) == tuple(
        ids[name][1] for name in ("sop", "eop", "eos")
    )
    assert tokens.pad == ids["pad"][1] and {0, 2, 50264, 50265, 50266} <= tokens.special


def test_a_mask_takes_the_space_on_its_left_and_leaves_that_on_its_right():
    tokenizer = gpt2()
    ids = tokenizer("at [MASK] (", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["at", "[MASK]", "Ġ("]
    assert tokenizer("at[MASK] (", add_special_tokens=False)["input_ids"] == ids


@pytest.mark.parametrize("mask", ["[gMASK]", "[sMASK]"])
def test_the_other_masks_are_read_as_the_reference_reads_mask(mask):
    text = "A [MASK] B [MASK] C"
    ids = {token: own for token, own in GPT2_ADDED.items() if token in ("[MASK]", mask)}
    expected = [ids[mask] if token == ids["[MASK]"] else token for token in REFERENCE["gpt2"]["examples"][text]]
    assert gpt2()(text.replace("[MASK]", mask))["input_ids"] == [50259, *expected, 50256]


def test_decoding_gives_the_text_back():
    text = "Ng is an adjunct professor at (formerly associate professor)."
    assert gpt2().decode(gpt2()(text)["input_ids"], skip_special_tokens=True) == text


def test_every_token_knows_its_characters():
    text = "Beijing is [MASK]."
    encoded = gpt2()(text, return_offsets_mapping=True)
    pieces = [text[start:end] for start, end in encoded["offset_mapping"]]
    assert "".join(pieces) == text and pieces[0] == pieces[-1] == ""


def test_sentences_end_at_marks_and_never_at_special_tokens():
    tokenizer = gpt2()
    ends = tokenizer.convert_ids_to_tokens(sorted(sentence_ends(tokenizer)))
    assert {".", "?", ":", ";", "!", ")."} <= set(ends)
    assert not {"[MASK]", "<|endoftext|>", "a"} & set(ends)


def test_files_of_another_tokenizer_are_refused():
    with pytest.raises(ReversalError, match=r"added_tokens\.json: no \[MASK\], <\|endofpiece\|>"):
        build_tokenizer(SUBSET["vocab"], [], {"<|startofpiece|>": 50257})


def test_a_mask_token_id_of_another_token_is_refused():
    with pytest.raises(ReversalError, match=r"model\.mask_token_id: 50256 is the token"):
        gpt2(mask_token_id=50256)
