"""The chat template of an instruct checkpoint, as the tokens around a question and its answer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import ChatTokens
from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.spec.experiment import ExperimentSpec, ModelSpec

if TYPE_CHECKING:
    from reversal_cli.models.base import Loaded

QUESTION, ANSWER = "QQQQ0", "AAAA1"
"""Stand for the two texts while the template is read."""
CONFIG, TEMPLATE_FILE, TOKENIZER_CONFIG = "config.json", "chat_template.jinja", "tokenizer_config.json"
REMEDY = "choose an instruct checkpoint, or objective.form = 'plain'"


def chat_tokens(loaded: "Loaded", instruction: str) -> ChatTokens:
    """The template's tokens. The instruction stands at the beginning of the user's text.

    Raises ReversalError for a tokenizer without a template, or one that does not show both texts as they are.
    """
    tokenizer, name = loaded.tokenizer, loaded.identity["name"]
    if not tokenizer.chat_template:
        raise _no_template(name)
    messages = [{"role": "user", "content": instruction + QUESTION}, {"role": "assistant", "content": ANSWER}]
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False)
    except (TemplateError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ReversalError(
            f"model '{name}': its chat template fails ({reason}); expected one for a question and its answer; {REMEDY}"
        ) from None
    before, question, rest = text.partition(QUESTION)
    between, answer, _ = rest.partition(ANSWER)
    if not (question and answer and instruction in before):
        raise ReversalError(
            f"model '{name}': its chat template changes the texts of a question and its answer; expected one that "
            f"shows them as they are; {REMEDY}"
        )
    before_ids, between_ids = tokenizer([before, between], add_special_tokens=False)["input_ids"]
    return ChatTokens(tuple(before_ids), tuple(between_ids))


def refuse_missing_templates(specs: Sequence[ExperimentSpec], results: Path, overwrite: bool = False) -> None:
    """Raises ReversalError if a run needs a chat template and its checkpoint has none.

    Called before the first training; a run that is trained is not checked, unless it is overwritten. A template that
    fails is found when the tokenizer is loaded.
    """
    needing = [
        spec
        for spec in specs
        if spec.objective.instruction is not None
        and (overwrite or not RunDirectory(run_path(results, spec.name, spec.seed)).is_trained)
    ]
    for model in {spec.model.model_dump_json(): spec.model for spec in needing}.values():
        if not _has_template(model):
            raise _no_template(model.name)


def _no_template(name: str) -> ReversalError:
    return ReversalError(f"model '{name}': its tokenizer has no chat template; expected one; {REMEDY}")


def _has_template(model: ModelSpec) -> bool:
    """A broken file counts as having one: the tokenizer says what is wrong with it. Raises ReversalError for a
    checkpoint that is not there."""
    from reversal_cli.models.checkpoint import absent, find_files  # imports transformers

    files = find_files(model, [CONFIG, TEMPLATE_FILE, TOKENIZER_CONFIG])
    if CONFIG not in files:
        raise absent(model, CONFIG)
    if TEMPLATE_FILE in files:
        return files[TEMPLATE_FILE].stat().st_size > 0
    if TOKENIZER_CONFIG not in files:
        return False
    try:
        config = json.loads(files[TOKENIZER_CONFIG].read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # `parse_json` refuses the 1e30 of model_max_length
        return True
    return not isinstance(config, dict) or bool(config.get("chat_template"))
