"""Checks of the fields of examples: against other examples and against the text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reversal_cli.data.audit.direction import FileDirections
from reversal_cli.data.name_description.lexicon import Lexicon
from reversal_cli.data.names_in_text import AnyExample


class Labels:
    """The names and descriptions in the fields of all files of a folder, collected file by file."""

    def __init__(self) -> None:
        self.owners: set[tuple[str, str]] = set()
        """(name, entity id)."""
        self.descriptions: set[str] = set()

    def add(self, examples: Iterable[AnyExample]) -> None:
        self.owners.update((example.name, example.entity_id) for example in examples)
        self.descriptions.update(example.description for example in examples)

    def shared_names(self) -> Iterator[str]:
        """Names of more than one entity, where examples have entity ids."""
        owners: dict[str, list[str]] = defaultdict(list)
        for name, entity in sorted(self.owners):
            if name and entity:
                owners[name].append(entity)
        for name, entities in owners.items():
            if len(entities) > 1:
                yield f"'{name}' is the name of {', '.join(entities)}; expected one entity; rename the others"

    def foreign_words(self, lexicons: Sequence[Lexicon]) -> Iterator[str]:
        """Words of names and titles that are in none of the lexicons of this kind of dataset."""
        dataset_words = {
            "name": {word for name, _ in self.owners for word in name.split()},
            "title": {word for text in self.descriptions for word in text.split()[-2:]},
        }
        lexicon_words = {
            "name": frozenset().union(*(lexicon.name_words for lexicon in lexicons)),
            "title": frozenset().union(*(lexicon.title_words for lexicon in lexicons)),
        }
        for kind in ("name", "title"):
            foreign = sorted(dataset_words[kind] - lexicon_words[kind])
            if foreign:
                yield (
                    f"{len(foreign)} {kind} words are not of this dataset's part of the lexicon, first '{foreign[0]}'; "
                    "expected no word that benchmark and corpus share; generate the dataset again"
                )


def shared_descriptions(descriptions: Mapping[str, str]) -> Iterator[str]:
    """Descriptions (name -> description) that belong to more than one name."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name, description in sorted(descriptions.items()):
        owners[description].append(name)
    for description, names in sorted(owners.items()):
        if len(names) > 1:
            yield f"'{description}' describes {' and '.join(names)}; expected one of them; change the others"


def confusions(stem: str, directions: FileDirections) -> Iterator[str]:
    """Examples that put the name of one entity to the description of another, or whose field `name` is another's."""
    if directions.swapped:
        first = directions.swapped[0]
        yield (
            f"{stem}.jsonl:{first.line}: {len(directions.swapped)} examples put the name of one entity to the "
            f"description of another, first '{first.name}' to that of '{first.other}'; expected its own; exchange the "
            "completions"
        )
    if directions.mislabelled:
        first = directions.mislabelled[0]
        yield (
            f"{stem}.jsonl:{first.line}: {len(directions.mislabelled)} examples are about another entity than their "
            f"field 'name' says, first '{first.name}' where it says '{first.other}'; expected one entity in field "
            "and text; correct the lines"
        )
