"""The part of an audit that is about validation prompts: are they about the tested people, and new to the tests?"""

from collections import Counter
from collections.abc import Iterator

from reversal_cli.data.base import SUBTASKS, VALIDATION
from reversal_cli.data.people import BOTH_TEST, Files

TESTS = (*SUBTASKS.values(), BOTH_TEST)


def validation_faults(files: Files) -> Iterator[str]:
    """Problems of the validation files among `files`; a folder without any has none."""
    present = [stem for stem in VALIDATION.values() if stem in files]
    if not present:
        return
    for stem in sorted(set(VALIDATION.values()) - set(present)):
        yield f"{stem}.jsonl: missing beside {present[0]}.jsonl; expected all four or none; generate the dataset again"
    tests = [row for stem in TESTS for row in files.get(stem, ())]
    for field in ("prompt", "template_id"):
        tested = {row[field] for row in tests if row.get(field)}
        for stem in present:
            shared = sorted({row.get(field, "") for row in files[stem]} & tested)
            if shared:
                yield (
                    f"{stem}.jsonl: {len(shared)} of its {field.removesuffix('_id')}s are also in a test file, first "
                    f"'{shared[0]}'; expected none, or a training is chosen by its test; generate the dataset again"
                )
    for name, stem in VALIDATION.items():
        rows = Counter(row.get("entity_id") for row in files.get(stem, ()))
        people = {row.get("entity_id") for row in files[SUBTASKS[name]]}
        if stem in files and (set(rows) != people or len(set(rows.values())) > 1):
            yield (
                f"{stem}.jsonl: {len(rows)} entities with {min(rows.values())} to {max(rows.values())} rows; expected "
                f"the {len(people)} entities of {SUBTASKS[name]}.jsonl, each as often; generate the dataset again"
            )
