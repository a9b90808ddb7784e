"""Gives a rotary model the tokens that blank infilling needs: [MASK] and the one that begins a filled blank.

A blank ends with the eos token, which the model knows as an ending already.
"""

import dataclasses

from reversal_cli.models.base import Loaded
from reversal_cli.models.extra_tokens import spare_tokens
from reversal_cli.models.probing import refuse_foreign_masks
from reversal_cli.objectives.base import BlankTokens

GLM_4_TOKENS = ("[MASK]", "<sop>", "<eop>")
"""GLM-4 knows blanks: its own tokens are used."""
GLM_4_SENTENCE_MASK, GLM_4_LONG_MASK = "[sMASK]", "[gMASK]"
NEEDED = 2


def with_blanks(loaded: Loaded, new: bool, objective: str) -> Loaded:
    """The model with tokens for blanks: its own, else ids that no text has, else rows added to its embeddings.

    `new`: these are the checkpoint's weights, in which the rows of such ids mean nothing.
    Raises ReversalError for a model without rotary positions, or whose attention would not take our mask as it is.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    refuse_foreign_masks(model, loaded.identity["name"], objective)
    vocabulary, eos = tokenizer.get_vocab(), tokenizer.eos_token_id
    if all(token in vocabulary for token in GLM_4_TOKENS):
        mask, sop, eop = (vocabulary[token] for token in GLM_4_TOKENS)
        sentence_mask, long_mask = vocabulary.get(GLM_4_SENTENCE_MASK, mask), vocabulary.get(GLM_4_LONG_MASK)
        return _with(loaded, BlankTokens(mask, sentence_mask, long_mask, sop, eop, eos), ())
    mask, sop = spare = spare_tokens(loaded, NEEDED, new)
    return _with(loaded, BlankTokens(mask, mask, None, sop, eos, eos), spare)


def _with(loaded: Loaded, blanks: BlankTokens, added: tuple[int, ...]) -> Loaded:
    masks = {mask for mask in (blanks.mask, blanks.sentence_mask, blanks.long_mask) if mask is not None}
    special = loaded.tokens.special | masks | {blanks.sop, blanks.eop}
    tokens = dataclasses.replace(loaded.tokens, blanks=blanks, special=special)
    return dataclasses.replace(loaded, tokens=tokens, added_rows=added)
