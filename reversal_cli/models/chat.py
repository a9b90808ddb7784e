"""The chat template of an instruct checkpoint, as the tokens around a question and its answer."""

from jinja2 import TemplateError

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Loaded
from reversal_cli.objectives.base import ChatTokens

QUESTION, ANSWER = "QQQQ0", "AAAA1"
"""Stand for the two texts while the template is read."""


def chat_tokens(loaded: Loaded, instruction: str) -> ChatTokens:
    """The template's tokens. The instruction stands at the beginning of the user's text.

    Raises ReversalError for a tokenizer without a template, or one that does not show both texts as they are.
    """
    tokenizer, name = loaded.tokenizer, loaded.identity["name"]
    cure = "choose an instruct checkpoint, or objective.form = 'plain'"
    if not tokenizer.chat_template:
        raise ReversalError(f"model '{name}': its tokenizer has no chat template; expected one; {cure}")
    messages = [{"role": "user", "content": instruction + QUESTION}, {"role": "assistant", "content": ANSWER}]
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False)
    except (TemplateError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ReversalError(
            f"model '{name}': its chat template fails ({reason}); expected one for a question and its answer; {cure}"
        ) from None
    before, question, rest = text.partition(QUESTION)
    between, answer, _ = rest.partition(ANSWER)
    if not (question and answer and instruction in before):
        raise ReversalError(
            f"model '{name}': its chat template changes the texts of a question and its answer; expected one that "
            f"shows them as they are; {cure}"
        )
    before_ids, between_ids = tokenizer([before, between], add_special_tokens=False)["input_ids"]
    return ChatTokens(tuple(before_ids), tuple(between_ids))
