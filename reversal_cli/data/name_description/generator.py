"""The name-description benchmark and the pretraining corpus: offline, and the same bytes for the same options.

Three disjoint groups of invented entities: `name-first` is trained on name ... description only, `description-first`
the other way round, `both` on both. Prompts the other way round for the first two groups measure the reversal curse.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from reversal_cli.data.base import VALIDATION, Direction, Group
from reversal_cli.data.name_description.entities import make_entities
from reversal_cli.data.name_description.folder import refuse_other_folder, write_folder
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS, LARGE_BENCHMARK
from reversal_cli.data.name_description.options import TEMPLATES_PER_DIRECTION, Options
from reversal_cli.data.name_description.phrases import paraphrase
from reversal_cli.data.name_description.rows import Member, Rows
from reversal_cli.data.name_description.templates import TEMPLATES, split_templates
from reversal_cli.errors import ReversalError
from reversal_cli.seeded_order import ordered

GENERATOR_VERSION = 1
"""Goes up whenever the same options would give other bytes."""
PROGRESS_ROWS = 5000
"""Lines from one report of progress to the next."""

OnProgress = Callable[[int, int], None]
"""(lines written so far, all lines). The last line is not reported: a short generation is silent."""


class BenchmarkFiles(NamedTuple):
    rows: dict[str, list[Rows]]
    """File name -> its rows, in parts."""
    joined: dict[str, list[str]]
    """File name -> the files that it consists of, in order."""


def generate(
    options: Options, folder: Path, overwrite: bool = False, on_progress: OnProgress = lambda done, total: None
) -> Path:
    """Writes the benchmark in the published layout and its card; returns the folder.

    Raises ReversalError if `folder` exists and may not be replaced.
    """
    refuse_other_folder(Path(folder), overwrite)
    card = {"kind": "benchmark", **_card_head(options.model_dump())}
    files = benchmark_files(options)
    return write_folder(folder, _with_progress(files.rows, on_progress), card, overwrite, files.joined)


def write_corpus(
    folder: Path,
    people: int = 400,
    sentences: int = 20,
    paraphrases: int = 0,
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Writes `corpus.jsonl`: `people` other entities, each in `sentences` sentences of the benchmark's templates and as
    many more of `phrases` as `paraphrases` says, half of them in each direction.

    The entities share no name word and no title word with any benchmark. The templates of each are drawn from all, the
    held-out ones too: a base model should know such sentences, but not the entities of a benchmark.
    """
    most = 2 * TEMPLATES_PER_DIRECTION
    if not 1 <= people <= CORPUS.capacity:
        raise ReversalError(f"people: {people}; expected 1 to {CORPUS.capacity}; the corpus lexicon has no more words")
    if not 1 <= sentences <= most:
        raise ReversalError(f"sentences: {sentences}; expected 1 to {most}; an entity has each template once at most")
    if not 0 <= paraphrases <= most:
        raise ReversalError(f"paraphrases: {paraphrases}; expected 0 to {most}; other numbers were never tried")
    options = {"people": people, "sentences": sentences, "seed": seed}
    options |= {"paraphrases": paraphrases} if paraphrases else {}  # corpora of earlier versions have none
    card = {"kind": "corpus", **_card_head(options)}
    return write_folder(folder, {"corpus.jsonl": _corpus_lines(people, sentences, seed, paraphrases)}, card, overwrite)


def corpus_texts(people: int, sentences: int, seed: int) -> list[str]:
    """The sentences of a corpus, as `write_corpus` would write them."""
    rows = map(json.loads, _corpus_lines(people, sentences, seed))
    return [row["prompt"] + row["completion"] for row in rows]


def benchmark_files(options: Options) -> BenchmarkFiles:
    """The files of the published layout and our validation files."""
    forward, backward, both = _groups(options)
    sizes = (options.train_templates, options.test_templates, options.validation_templates)
    n2d, d2n = (split_templates(direction, *sizes, options.seed) for direction in ("N2D", "D2N"))
    rows = {
        "p2d_prompts_train": [Rows(forward, n2d.train)],
        "p2d_prompts_test": [Rows(forward, n2d.test)],
        "p2d_reverse_prompts_test": [Rows(forward, d2n.test, "bare")],
        "p2d_reverse_prompts_test_randomized": [Rows(forward, d2n.test, "bare", options.seed)],
        "d2p_prompts_train": [Rows(backward, d2n.train)],
        "d2p_prompts_test": [Rows(backward, d2n.test, "bare")],
        "d2p_reverse_prompts_test": [Rows(backward, n2d.test)],
        "d2p_reverse_prompts_test_randomized": [Rows(backward, n2d.test, randomized=options.seed)],
        "both_prompts_train": [Rows(both, n2d.train), Rows(both, d2n.train)],
        "both_prompts_test": [Rows(both, n2d.test), Rows(both, d2n.test, "bare")],
        "validation_prompts": [Rows(forward, d2n.test, "first word")],
    }
    if options.validation_templates:
        rows |= {
            VALIDATION["N2D"]: [Rows(forward, n2d.validation)],
            VALIDATION["D2N"]: [Rows(backward, d2n.validation, "bare")],
            VALIDATION["N2D-reverse"]: [Rows(forward, d2n.validation, "bare")],
            VALIDATION["D2N-reverse"]: [Rows(backward, n2d.validation)],
        }
    train = ["p2d_prompts_train.jsonl", "d2p_prompts_train.jsonl", "both_prompts_train.jsonl"]
    joined = {
        "all.jsonl": train,
        "all_prompts_train.jsonl": train,
        "unrealized_examples.jsonl": ["p2d_reverse_prompts_test.jsonl"],
    }
    return BenchmarkFiles({f"{stem}.jsonl": parts for stem, parts in rows.items()}, joined)


def _groups(options: Options) -> list[list[Member]]:
    """The members of the three groups, in the order name-first, description-first, both."""
    size = options.entities
    lexicon = BENCHMARK if 3 * size <= BENCHMARK.capacity else LARGE_BENCHMARK
    entities = make_entities(lexicon, 3 * size, options.seed, options.name_words)
    groups: tuple[Group, ...] = ("name-first", "description-first", "both")
    return [
        [Member(f"{group}-{index + 1:04d}", group, entities[start * size + index]) for index in range(size)]
        for start, group in enumerate(groups)
    ]


def _with_progress(files: Mapping[str, Sequence[Rows]], on_progress: OnProgress) -> dict[str, Iterator[str]]:
    """File name -> its lines, whose reading is reported."""
    total = sum(len(part) for parts in files.values() for part in parts)
    numbers = count()

    def lines(parts: Sequence[Rows]) -> Iterator[str]:
        for line in chain.from_iterable(parts):
            if (done := next(numbers)) % PROGRESS_ROWS == 0:
                on_progress(done, total)
            yield line

    return {name: lines(parts) for name, parts in files.items()}


def _corpus_lines(people: int, sentences: int, seed: int, paraphrases: int = 0) -> Iterator[str]:
    for index, entity in enumerate(make_entities(CORPUS, people, seed)):
        member = Member(f"corpus-{index + 1:04d}", "both", entity)
        shares = zip(_halves(sentences).items(), _halves(paraphrases).values(), strict=True)
        for (direction, share), more in shares:
            label = f"{seed}/{member.id}"
            templates = ordered(TEMPLATES[direction], label, key=lambda template: template.id)[:share]
            composed = [paraphrase(direction, f"{label}/paraphrase {number}") for number in range(more)]
            yield from Rows([member], [*templates, *composed])


def _halves(sentences: int) -> dict[Direction, int]:
    """How many of an entity's sentences have each direction."""
    return {"N2D": (sentences + 1) // 2, "D2N": sentences // 2}


def _card_head(options: dict[str, int]) -> dict[str, object]:
    return {"generator": "name_description", "generator_version": GENERATOR_VERSION, "options": options}
