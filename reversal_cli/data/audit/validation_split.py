"""Checks of validation prompts: about the tested entities, with templates that no test has."""

from collections import Counter
from collections.abc import Iterator

from reversal_cli.data.audit.reader import TEST_STEMS
from reversal_cli.data.base import SUBTASKS, VALIDATION
from reversal_cli.data.names_in_text import Files


def validation_faults(files: Files) -> Iterator[str]:
    """Problems of the validation files among `files`; a folder without any has none."""
    present = [stem for stem in VALIDATION.values() if stem in files]
    if not present:
        return
    for stem in sorted(set(VALIDATION.values()) - set(present)):
        yield f"{stem}.jsonl: missing beside {present[0]}.jsonl; expected all four or none; generate the dataset again"
    tested = {example.template_id for stem in TEST_STEMS for example in files.get(stem, ()) if example.template_id}
    for stem in present:
        shared = sorted({example.template_id for example in files[stem]} & tested)
        if shared:
            yield (
                f"{stem}.jsonl: {len(shared)} of its templates are also in a test file, first '{shared[0]}'; expected "
                "none, or the test decides how long to train; generate the dataset again"
            )
    for name, stem in VALIDATION.items():
        counts = Counter(example.entity_id for example in files.get(stem, ()))
        tested_ids = {example.entity_id for example in files[SUBTASKS[name]]}
        if stem in files and (set(counts) != tested_ids or len(set(counts.values())) > 1):
            yield (
                f"{stem}.jsonl: {len(counts)} entities with {min(counts.values())} to {max(counts.values())} examples; "
                f"expected the {len(tested_ids)} of {SUBTASKS[name]}.jsonl, equally often; generate the dataset again"
            )
