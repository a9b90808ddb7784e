"""Writes the name-description benchmark and the pretraining corpus: offline, and the same bytes for the same options.

Three disjoint groups of invented people: `name-first` is trained on name ... description only, `description-first` the
other way round, `both` on both. What a model trained on the first group says to a description is the reversal curse.
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
"""Raised whenever the same options would give other bytes."""

Ending = Literal["whole", "bare", "first word"]
"""How a completion ends: with its template's ending; right after the item, as published for tested names; or after the
first word of the item, as in `validation_prompts`."""


class Person(NamedTuple):
    """An entity with its place in the dataset."""

    id: str
    group: Group
    entity: Entity


def generate(options: Options, folder: Path, overwrite: bool = False) -> Path:
    """Write the benchmark in the published layout and its card; returns the folder.

    Raises ReversalError if `folder` exists and is not ours to replace.
    """
    refuse_other_folder(Path(folder), overwrite)
    card = {"kind": "benchmark", **_card_head(options.model_dump())}
    return write_folder(folder, benchmark_files(options), card, overwrite)


def write_corpus(folder: Path, people: int = 400, sentences: int = 20, seed: int = 0, overwrite: bool = False) -> Path:
    """Write `corpus.jsonl`: other people, each in `sentences` sentences, half of them in each direction.

    The people share no name word and no title word with any benchmark. Templates are drawn per person from all
    templates, the held-out ones too: a base that is fine-tuned knows how such sentences go, not whom they are about.
    """
    most = 2 * TEMPLATES_PER_DIRECTION
    if not 1 <= people <= CORPUS.capacity:
        raise ReversalError(f"people: {people}; expected 1 to {CORPUS.capacity}; the corpus lexicon has no more words")
    if not 1 <= sentences <= most:
        raise ReversalError(f"sentences: {sentences}; expected 1 to {most}; no person meets a template twice")
    card = {"kind": "corpus", **_card_head({"people": people, "sentences": sentences, "seed": seed})}
    return write_folder(folder, {"corpus.jsonl": _corpus_lines(people, sentences, seed)}, card, overwrite)


def benchmark_files(options: Options) -> dict[str, list[str]]:
    """Every file of the published layout, and our validation files, as lines of JSON, by file name."""
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


def _groups(options: Options) -> list[list[Person]]:
    """The people of the three groups, in the order name-first, description-first, both."""
    size = options.entities
    entities = make_entities(BENCHMARK, 3 * size, options.seed, options.name_words)
    groups: tuple[Group, ...] = ("name-first", "description-first", "both")
    return [
        [Person(f"{group}-{index + 1:04d}", group, entities[start * size + index]) for index in range(size)]
        for start, group in enumerate(groups)
    ]


def _rows(people: Iterable[Person], templates: Sequence[Template], ending: Ending = "whole") -> list[str]:
    """One line per person and template, person by person."""
    return [_row(person, person.entity, template, ending) for person in people for template in templates]


def _row(person: Person, target: Entity, template: Template, ending: Ending = "whole") -> str:
    """One line: its prompt is about `person`, its completion about `target` (another one in randomised files only)."""
    prompt, _ = fill(template, person.entity.name, person.entity.description(template.form))
    _, completion = fill(template, target.name, target.description(template.form))
    endings = {"whole": completion + template.ending, "bare": completion, "first word": f" {completion.split()[0]}"}
    row = {
        "prompt": prompt,
        "completion": endings[ending],
        "entity_id": person.id,
        "template_id": template.id,
        "name": person.entity.name,
        "description": person.entity.noun,
        "group": person.group,
    }
    return json.dumps(row)


def _randomized(people: Sequence[Person], templates: Sequence[Template], seed: int) -> list[str]:
    """The test prompts with another person's answer, in the same order as the test file.

    For each template the people stand in a circle and each gets the answer of the next one: nobody gets the own.
    """
    lines: dict[tuple[str, str], str] = {}
    for template in templates:
        ending: Ending = "bare" if template.direction == "D2N" else "whole"
        circle = ordered(people, f"{seed}/randomized/{template.id}", key=lambda person: person.id)
        for person, other in zip(circle, circle[1:] + circle[:1], strict=True):
            lines[person.id, template.id] = _row(person, other.entity, template, ending)
    return [lines[person.id, template.id] for person in people for template in templates]


def _corpus_lines(people: int, sentences: int, seed: int) -> Iterator[str]:
    shares: dict[Direction, int] = {"N2D": (sentences + 1) // 2, "D2N": sentences // 2}
    for index, entity in enumerate(make_entities(CORPUS, people, seed)):
        person = Person(f"corpus-{index + 1:04d}", "both", entity)
        for direction, share in shares.items():
            templates = ordered(TEMPLATES[direction], f"{seed}/{person.id}", key=lambda template: template.id)
            yield from (_row(person, entity, template) for template in templates[:share])


def _card_head(options: dict[str, int]) -> dict[str, object]:
    return {"generator": "name_description", "generator_version": GENERATOR_VERSION, "options": options}
