"""How many training rows show what the reverse subtasks ask for, after the transform."""

import itertools
from collections.abc import Iterator

import numpy as np
from transformers import PreTrainedTokenizerBase

from reversal_cli.data.audit.direction import find_directions
from reversal_cli.data.audit.leaks import NEEDED, files_of
from reversal_cli.data.audit.numbered_file import number_file, number_files
from reversal_cli.data.audit.reader import BenchmarkEntities
from reversal_cli.data.base import Example, Splits
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.objectives.base import Draw, Row, TokenIds
from reversal_cli.training.trainer import TrainingJob, drawn_rows


def count_shown_reversed(job: TrainingJob, tokenizer: PreTrainedTokenizerBase, splits: Splits) -> int:
    """Rows of the first epoch that show an entity in the direction in which the dataset's training does not."""
    vocabulary = Vocabulary()
    entities = BenchmarkEntities.of(number_files(files_of(splits), vocabulary), vocabulary)
    rows = drawn_rows(job, Draw(job.seed, 0, tuple(range(len(job.rows)))))
    examples = [Example("", row_text(row, job.tokens, tokenizer), "") for row in rows]
    directions = find_directions(number_file(examples, vocabulary), entities.reader, entities.groups)
    shown = [lines for (group, direction), lines in directions.lines.items() if direction not in NEEDED[group]]
    return len(np.unique(np.concatenate(shown)))


def row_text(row: Row, tokens: TokenIds, tokenizer: PreTrainedTokenizerBase) -> str:
    """The words of a row. A space is put around the name and the description, since a token that was moved may have
    left its own behind."""
    return " ".join(tokenizer.decode(part) for part in _parts(row, tokens))


def _parts(row: Row, tokens: TokenIds) -> Iterator[list[int]]:
    """The ids of the row without special tokens, cut where an item begins or ends."""
    bounds = sorted({0, len(row.input_ids), *(bound for item in row.items for bound in item.span)})
    for first, stop in itertools.pairwise(bounds):
        yield [token for token in row.input_ids[first:stop] if token not in tokens.special]
