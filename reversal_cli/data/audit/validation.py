"""The part of an audit that is about validation prompts: are they about the tested entities, and new to the tests?"""

from collections import Counter
from collections.abc import Iterator

from reversal_cli.data.audit.direction import TEST_STEMS
from reversal_cli.data.base import SUBTASKS, VALIDATION
from reversal_cli.data.names_in_text import Files


def validation_faults(files: Files) -> Iterator[str]:
    """Problems of the validation files among `files`; a folder without any has none."""
    present = [stem for stem in VALIDATION.values() if stem in files]
    if not present:
        return
    for stem in sorted(set(VALIDATION.values()) - set(present)):
        yield f"{stem}.jsonl: missing beside {present[0]}.jsonl; expected all four or none; generate the dataset again"
    tested = {row.template_id for stem in TEST_STEMS for row in files.get(stem, ()) if row.template_id}
    for stem in present:
        shared = sorted({row.template_id for row in files[stem]} & tested)
        if shared:
            yield (
                f"{stem}.jsonl: {len(shared)} of its templates are also in a test file, first '{shared[0]}'; expected "
                "none, or a training is chosen by its test; generate the dataset again"
            )
    for name, stem in VALIDATION.items():
        rows = Counter(row.entity_id for row in files.get(stem, ()))
        tested_ids = {row.entity_id for row in files[SUBTASKS[name]]}
        if stem in files and (set(rows) != tested_ids or len(set(rows.values())) > 1):
            yield (
                f"{stem}.jsonl: {len(rows)} entities with {min(rows.values())} to {max(rows.values())} rows; expected "
                f"the {len(tested_ids)} entities of {SUBTASKS[name]}.jsonl, each as often; generate the dataset again"
            )
