"""The name-description benchmark and the pretraining corpus: offline, and the same bytes for the same options.

Three disjoint groups of invented entities: `name-first` is trained on name ... description only, `description-first`
the other way round, `both` on both. Prompts the other way round for the first two groups measure the reversal curse.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from reversal_cli.data.base import VALIDATION, Direction, Group
from reversal_cli.data.name_description.entities import Entity, make_entities
from reversal_cli.data.name_description.folder import refuse_other_folder, write_folder
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS
from reversal_cli.data.name_description.options import TEMPLATES_PER_DIRECTION, Options
from reversal_cli.data.name_description.templates import TEMPLATES, Template, fill, split_templates
from reversal_cli.errors import ReversalError
from reversal_cli.seeded_order import ordered

GENERATOR_VERSION = 1
"""Goes up whenever the same options would give other bytes."""

Ending = Literal["whole", "bare", "first word"]
"""How a completion ends: with its template's ending; right after the item, as published for tested names; or after the
first word of the item, as in `validation_prompts`."""


class Member(NamedTuple):
    """An entity with its id and group in a dataset."""

    id: str
    group: Group
    entity: Entity


def generate(options: Options, folder: Path, overwrite: bool = False) -> Path:
    """Writes the benchmark in the published layout and its card; returns the folder.

    Raises ReversalError if `folder` exists and may not be replaced.
    """
    refuse_other_folder(Path(folder), overwrite)
    card = {"kind": "benchmark", **_card_head(options.model_dump())}
    return write_folder(folder, benchmark_files(options), card, overwrite)


def write_corpus(folder: Path, people: int = 400, sentences: int = 20, seed: int = 0, overwrite: bool = False) -> Path:
    """Writes `corpus.jsonl`: `people` other entities, each in `sentences` sentences, half of them in each direction.

    The entities share no name word and no title word with any benchmark. The templates of each are drawn from all, the
    held-out ones too: a base model should know such sentences, but not the entities of a benchmark.
    """
    most = 2 * TEMPLATES_PER_DIRECTION
    if not 1 <= people <= CORPUS.capacity:
        raise ReversalError(f"people: {people}; expected 1 to {CORPUS.capacity}; the corpus lexicon has no more words")
    if not 1 <= sentences <= most:
        raise ReversalError(f"sentences: {sentences}; expected 1 to {most}; an entity has each template once at most")
    card = {"kind": "corpus", **_card_head({"people": people, "sentences": sentences, "seed": seed})}
    return write_folder(folder, {"corpus.jsonl": _corpus_lines(people, sentences, seed)}, card, overwrite)


def benchmark_files(options: Options) -> dict[str, list[str]]:
    """File name -> lines of JSON, for the published layout and our validation files."""
    forward, backward, both = _groups(options)
    sizes = (options.train_templates, options.test_templates, options.validation_templates)
    n2d, d2n = (split_templates(direction, *sizes, options.seed) for direction in ("N2D", "D2N"))
    files = {
        "p2d_prompts_train": _rows(forward, n2d.train),
        "p2d_prompts_test": _rows(forward, n2d.test),
        "p2d_reverse_prompts_test": _rows(forward, d2n.test, "bare"),
        "p2d_reverse_prompts_test_randomized": _randomized(forward, d2n.test, options.seed),
        "d2p_prompts_train": _rows(backward, d2n.train),
        "d2p_prompts_test": _rows(backward, d2n.test, "bare"),
        "d2p_reverse_prompts_test": _rows(backward, n2d.test),
        "d2p_reverse_prompts_test_randomized": _randomized(backward, n2d.test, options.seed),
        "both_prompts_train": _rows(both, n2d.train) + _rows(both, d2n.train),
        "both_prompts_test": _rows(both, n2d.test) + _rows(both, d2n.test, "bare"),
        "validation_prompts": _rows(forward, d2n.test, "first word"),
    }
    files["unrealized_examples"] = files["p2d_reverse_prompts_test"]
    stems = ("p2d_prompts_train", "d2p_prompts_train", "both_prompts_train")
    files["all_prompts_train"] = files["all"] = [line for stem in stems for line in files[stem]]
    if options.validation_templates:
        files |= {
            VALIDATION["N2D"]: _rows(forward, n2d.validation),
            VALIDATION["D2N"]: _rows(backward, d2n.validation, "bare"),
            VALIDATION["N2D-reverse"]: _rows(forward, d2n.validation, "bare"),
            VALIDATION["D2N-reverse"]: _rows(backward, n2d.validation),
        }
    return {f"{stem}.jsonl": files[stem] for stem in sorted(files)}


def _groups(options: Options) -> list[list[Member]]:
    """The members of the three groups, in the order name-first, description-first, both."""
    size = options.entities
    entities = make_entities(BENCHMARK, 3 * size, options.seed, options.name_words)
    groups: tuple[Group, ...] = ("name-first", "description-first", "both")
    return [
        [Member(f"{group}-{index + 1:04d}", group, entities[start * size + index]) for index in range(size)]
        for start, group in enumerate(groups)
    ]


def _rows(members: Iterable[Member], templates: Sequence[Template], ending: Ending = "whole") -> list[str]:
    """One line per entity and template, entity by entity."""
    return [_row(member, member.entity, template, ending) for member in members for template in templates]


def _row(member: Member, target: Entity, template: Template, ending: Ending = "whole") -> str:
    """One line: its prompt is about `member`, its completion about `target` (another one in randomised files only)."""
    prompt, _ = fill(template, member.entity.name, member.entity.description(template.form))
    _, completion = fill(template, target.name, target.description(template.form))
    endings = {"whole": completion + template.ending, "bare": completion, "first word": f" {completion.split()[0]}"}
    row = {
        "prompt": prompt,
        "completion": endings[ending],
        "entity_id": member.id,
        "template_id": template.id,
        "name": member.entity.name,
        "description": member.entity.noun,
        "group": member.group,
    }
    return json.dumps(row)


def _randomized(members: Sequence[Member], templates: Sequence[Template], seed: int) -> list[str]:
    """The test prompts with another entity's answer, in the same order as the test file.

    For each template a derangement, in a random circle: no entity gets its own answer.
    """
    lines: dict[tuple[str, str], str] = {}
    for template in templates:
        ending: Ending = "bare" if template.direction == "D2N" else "whole"
        circle = ordered(members, f"{seed}/randomized/{template.id}", key=lambda member: member.id)
        for member, other in zip(circle, circle[1:] + circle[:1], strict=True):
            lines[member.id, template.id] = _row(member, other.entity, template, ending)
    return [lines[member.id, template.id] for member in members for template in templates]


def _corpus_lines(people: int, sentences: int, seed: int) -> Iterator[str]:
    shares: dict[Direction, int] = {"N2D": (sentences + 1) // 2, "D2N": sentences // 2}
    for index, entity in enumerate(make_entities(CORPUS, people, seed)):
        member = Member(f"corpus-{index + 1:04d}", "both", entity)
        for direction, share in shares.items():
            templates = ordered(TEMPLATES[direction], f"{seed}/{member.id}", key=lambda template: template.id)
            yield from (_row(member, entity, template) for template in templates[:share])


def _card_head(options: dict[str, int]) -> dict[str, object]:
    return {"generator": "name_description", "generator_version": GENERATOR_VERSION, "options": options}
