"""The benchmark as a `DatasetDict` of Hugging Face's `datasets`, for trainers and notebooks that start from one."""

from dataclasses import asdict
from pathlib import Path

from reversal_cli.data.base import SUBTASKS, Example, Splits

FIELDS = ("prompt", "completion", "entity_id", "template_id", "name", "description", "group")
SUFFIX = "_validation"


def split_rows(splits: Splits) -> dict[str, tuple[Example, ...]]:
    """Split name -> rows: `train`, the four subtasks (`N2D_reverse`: a split name has no dash), `both` and
    `N2D_validation` and so on where the benchmark has them."""
    rows = {"train": splits.train}
    rows |= {split_name(name): subtask.examples for name, subtask in splits.subtasks.items()}
    if splits.both:
        rows["both"] = splits.both
    return rows | {f"{split_name(name)}{SUFFIX}": subtask.examples for name, subtask in splits.validation.items()}


def split_name(subtask: str) -> str:
    return subtask.replace("-", "_")


FILE_NAMES = frozenset(
    {"dataset_dict.json", "train", "both"} | {split_name(name) + ending for name in SUBTASKS for ending in ("", SUFFIX)}
)


def save(splits: Splits, _max_new_tokens: int, folder: Path) -> None:
    """Writes what `datasets.load_from_disk(folder)` reads: every split, rows in file order, unknown fields empty."""
    import datasets  # takes a second to import

    features = datasets.Features(dict.fromkeys(FIELDS, datasets.Value("string")))
    bars_were_on = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        datasets.DatasetDict(
            {
                name: datasets.Dataset.from_list([asdict(row) | {"group": row.group or ""} for row in rows], features)
                for name, rows in split_rows(splits).items()
            }
        ).save_to_disk(folder)
    finally:
        if bars_were_on:
            datasets.enable_progress_bars()
