"""Retention: the loss on text like that of the pretraining, which grows as a fine-tuned model forgets."""

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reversal_cli.data.name_description import corpus_texts
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_utf8
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Retention
from reversal_cli.spec.experiment import ExperimentSpec, ModelSpec, ObjectiveSpec
from reversal_cli.spec.families import known_family
from reversal_cli.spec.presets import PRESETS

if TYPE_CHECKING:
    from reversal_cli.models.base import Loaded

MOST_TEXTS = 500
"""So that it takes seconds on a small model."""
SENTENCES = 2
"""Per entity of the corpus, one in each direction."""
SEED = 1
"""The embedded bases were pretrained on the corpus of seed 0 (experiments/pretrain-tiny-*.toml)."""


class RetentionTexts(NamedTuple):
    """What the loss is measured on."""

    texts: tuple[str, ...]
    source: str
    """In words, or the path of a file."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()


def check_retention(specs: Iterable[ExperimentSpec]) -> None:
    """Raises ReversalError if retention is to be measured and there are no texts for it."""
    for spec in specs:
        if spec.evaluation.retention is not False:
            retention_texts(spec.model, spec.evaluation.retention)


def retention_texts(model: ModelSpec, retention: bool | str) -> RetentionTexts:
    """The texts for `evaluation.retention`, which is not False.

    Raises ReversalError for a model whose pretraining text is not known, and for a file that cannot be read or is
    empty.
    """
    if isinstance(retention, str):
        return _of_file(Path(retention))
    preset = PRESETS.get(model.name)
    embedded = preset is not None and preset.folder is not None
    if not embedded or model.init == "random":
        why = "has new weights, without pretraining" if embedded else "was pretrained on text that is not known"
        bases = ", ".join(name for name, preset in PRESETS.items() if preset.folder)
        raise ReversalError(
            f"evaluation.retention: the model '{model.name}' {why}; expected an embedded base ({bases}) or a text "
            "file; name a file with --retention-text or evaluation.retention, or leave it out"
        )
    return _of_corpus()


def measured_before(run: RunDirectory, texts: RetentionTexts) -> Retention | None:
    """What a complete evaluation of the run has measured on these texts: its weights are the same."""
    stored = run.metrics.retention if run.is_complete else None
    if stored is None or stored.sha256 != texts.sha256:
        return None
    in_other_form = stored.in_blank is None and known_family(run.manifest.spec.model.name) == "glm"
    return None if in_other_form else stored


def has_other_texts(run: RunDirectory, retention: bool | str) -> bool:
    """Whether a text file is not the one that the retention of a complete run was measured on."""
    if not isinstance(retention, str) or not Path(retention).is_file():
        return False
    return measured_before(run, _of_file(Path(retention))) is None


def measure_retention(loaded: "Loaded", objective: ObjectiveSpec, texts: RetentionTexts, batch_size: int) -> Retention:
    """The loss in the form in which the objective has a GLM answer. Raises ReversalError if a text is too long for the
    model, or the loss cannot be computed."""
    from reversal_cli.inference.text_loss import mean_loss

    in_blank = bool(objective.prompt_layout(loaded.tokens).blank)
    loss = mean_loss(loaded, texts.texts, batch_size, f"evaluation.retention ({texts.source})", in_blank)
    return Retention(
        loss=round(loss.mean, 6),
        tokens=loss.tokens,
        texts=len(texts.texts),
        source=texts.source,
        sha256=texts.sha256,
        in_blank=in_blank,
    )


@functools.cache
def _of_corpus() -> RetentionTexts:
    texts = corpus_texts(MOST_TEXTS // SENTENCES, SENTENCES, SEED)
    return RetentionTexts(tuple(texts), f"the generator's corpus, seed {SEED}")


def _of_file(path: Path) -> RetentionTexts:
    """The first lines of the file that are not blank."""
    lines = read_utf8(path, "a text file, one text per line").splitlines()
    texts = tuple(line.strip() for line in lines if line.strip())[:MOST_TEXTS]
    if not texts:
        raise ReversalError(f"{path}: has no text; expected one text per line; name another file")
    return RetentionTexts(texts, str(path))
