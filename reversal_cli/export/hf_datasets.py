"""The benchmark as a `DatasetDict` of Hugging Face's `datasets`, for trainers and notebooks that start from one."""

from dataclasses import asdict
from pathlib import Path

from reversal_cli.data.base import SUBTASKS, Example, Splits

FIELDS = ("prompt", "completion", "entity_id", "template_id", "name", "description", "group")
SUFFIX = "_validation"


def examples_by_split(splits: Splits) -> dict[str, tuple[Example, ...]]:
    """Split name -> examples: `train`, the four subtasks (`N2D_reverse`: a split name has no dash), and, if the
    benchmark has them, `both` and `N2D_validation` and so on."""
    examples = {"train": splits.train}
    examples |= {split_name(name): subtask.examples for name, subtask in splits.subtasks.items()}
    if splits.both:
        examples["both"] = splits.both
    return examples | {f"{split_name(name)}{SUFFIX}": subtask.examples for name, subtask in splits.validation.items()}


def split_name(subtask: str) -> str:
    return subtask.replace("-", "_")


FILE_NAMES = frozenset(
    {"dataset_dict.json", "train", "both"} | {split_name(name) + ending for name in SUBTASKS for ending in ("", SUFFIX)}
)


def save(splits: Splits, _max_new_tokens: int, folder: Path) -> None:
    """Writes what `datasets.load_from_disk(folder)` reads: every split in file order, unknown fields empty."""
    import datasets  # takes a second to import

    features = datasets.Features(dict.fromkeys(FIELDS, datasets.Value("string")))
    bars_were_on = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        datasets.DatasetDict(
            {
                name: datasets.Dataset.from_list([_fields(example) for example in examples], features)
                for name, examples in examples_by_split(splits).items()
            }
        ).save_to_disk(folder)
    finally:
        if bars_were_on:
            datasets.enable_progress_bars()


def _fields(example: Example) -> dict[str, str]:
    fields = asdict(example) | {"group": example.group or ""}
    return {name: fields[name] for name in FIELDS}
