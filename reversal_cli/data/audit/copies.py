"""Copies in a dataset folder: files that are parts of others, and repeated examples."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from reversal_cli.data.jsonl import BLOCK, RawExample

PROMPT_AND_COMPLETION = itemgetter(0, 1)


def lines_of_a_part(path: Path, wholes: Sequence[Path]) -> int | None:
    """The number of lines of a file that is a part of one of the others; None if it is not."""
    for whole in wholes:
        if not (whole.is_file() and path.is_file()):
            continue
        with path.open("rb") as part, whole.open("rb") as lines:
            if part.readline() in lines and _goes_on_with(lines, part):  # `in` reads up to that line
                part.seek(0)
                return sum(1 for _ in part)
    return None


def duplicates(stem: str, examples: Sequence[RawExample]) -> Iterator[str]:
    """The problem that examples have the prompt and completion of another one, if there are any."""
    if len(set(map(hash, map(PROMPT_AND_COMPLETION, examples)))) == len(examples):
        return  # equal examples have equal hashes, and numbers need less memory than texts
    repeated = len(examples) - len(set(map(PROMPT_AND_COMPLETION, examples)))
    if repeated:
        yield f"{stem}.jsonl: {repeated} examples are copies of another example; expected none; remove them"


def _goes_on_with(whole: BinaryIO, part: BinaryIO) -> bool:
    """True if the rest of `part` comes next in `whole`, in whole lines."""
    block = b"\n"
    while following := part.read(BLOCK):
        block = following
        if whole.read(len(block)) != block:
            return False
    return block.endswith(b"\n")
