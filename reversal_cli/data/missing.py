"""The error for a dataset folder that does not exist."""

from pathlib import Path

from reversal_cli.errors import ReversalError

PUBLISHED = "june_version"
"""How the name of the published folder begins, `june_version_7921032488`."""


def no_such_dataset(folder: Path) -> ReversalError:
    """The error for an absent folder: the published dataset can only be copied, any other one may be generated."""
    if folder.is_file():
        return ReversalError(
            f"{folder}: is a file; expected the folder of a dataset; name the folder, such as {folder.parent}"
        )
    if folder.name.startswith(PUBLISHED):
        return ReversalError(
            f"{folder}: no such folder; expected a copy of the published dataset (Berglund et al., arXiv 2309.12288), "
            "which has no licence and is not part of this project; copy "
            "data/reverse_experiments/june_version_7921032488 of github.com/lukasberglund/reversal_curse to that path, "
            "or name your copy with `--data FOLDER` (`reversal run`: `--set dataset.path=FOLDER`)"
        )
    return ReversalError(
        f"{folder}: no such folder; expected a dataset in the published layout; check the path (name another with "
        "`--data FOLDER`; for `reversal run` with `--set dataset.path=FOLDER`), or make one with "
        f"`reversal generate --out {folder}`"
    )
