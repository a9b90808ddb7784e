"""Whether a dataset tells an objective the names and descriptions that it needs, before a tokenizer is loaded."""

import functools

from reversal_cli.data.base import Example
from reversal_cli.data.mentions import find_mentions
from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import Item, ObjectiveOptions, Row


def refuse_untold_items(objective: ObjectiveOptions, examples: tuple[Example, ...]) -> None:
    """Raises ReversalError for the first example that lacks an item which the objective cannot do without."""
    try:
        objective.check([Row((), 0)])
    except ReversalError:  # it needs items, which take seconds to find in a large dataset
        objective.check(_rows(examples))


@functools.lru_cache(maxsize=4)
def _rows(examples: tuple[Example, ...]) -> list[Row]:
    """Rows without tokens, whose items are places in the text."""
    return [Row((), 0, tuple(Item(*mention) for mention in find_mentions(example))) for example in examples]
