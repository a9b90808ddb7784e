"""What stands in a dataset folder twice: files that are parts of others, and rows."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from reversal_cli.data.jsonl import BLOCK, Row

PROMPT_AND_COMPLETION = itemgetter(0, 1)


def lines_of_a_part(path: Path, wholes: Sequence[Path]) -> int | None:
    """The number of lines of a file that stand in one of the others in the same order; None where they do not."""
    for whole in wholes:
        if not (whole.is_file() and path.is_file()):
            continue
        with path.open("rb") as part, whole.open("rb") as lines:
            if part.readline() in lines and _goes_on_with(lines, part):  # `in` reads up to that line
                part.seek(0)
                return sum(1 for _ in part)
    return None


def duplicates(stem: str, rows: Sequence[Row]) -> Iterator[str]:
    """The problem that rows of a file have the prompt and completion of another one, if there are such rows."""
    if len(set(map(hash, map(PROMPT_AND_COMPLETION, rows)))) == len(rows):
        return  # equal rows have equal hashes, and numbers need less memory than texts
    repeated = len(rows) - len(set(map(PROMPT_AND_COMPLETION, rows)))
    if repeated:
        yield f"{stem}.jsonl: {repeated} rows are copies of another row; expected none; remove them"


def _goes_on_with(whole: BinaryIO, part: BinaryIO) -> bool:
    """True when the rest of `part` is what comes next in `whole`, in whole lines."""
    block = b"\n"
    while following := part.read(BLOCK):
        block = following
        if whole.read(len(block)) != block:
            return False
    return block.endswith(b"\n")
