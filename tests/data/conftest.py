import os
from pathlib import Path

import pytest
from dataset_rows import SMALL, read_rows, write_rows

from reversal_cli.data.name_description import Options, generate


@pytest.fixture(scope="session")
def default_folder(tmp_path_factory) -> Path:
    """The benchmark with the default options."""
    return generate(Options(), tmp_path_factory.mktemp("default") / "dataset")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small benchmark that a test may damage."""
    return generate(SMALL, tmp_path / "dataset")


@pytest.fixture
def published_layout(folder) -> Path:
    """The small benchmark as it would have been published: prompt and completion only, and no card."""
    (folder / "dataset.json").unlink()
    for path in folder.glob("*.jsonl"):
        write_rows(path, [{key: row[key] for key in ("prompt", "completion")} for row in read_rows(path)])
    return folder


@pytest.fixture(scope="session")
def published() -> Path:
    """The dataset published by Berglund et al., where this machine has it."""
    beside = Path(__file__).resolve().parents[3] / "shared/data/berglund_june_version"
    path = Path(os.environ.get("REVERSAL_PUBLISHED_DATA", beside))
    if not path.is_dir():
        pytest.skip("the published dataset is not here; REVERSAL_PUBLISHED_DATA may name it")
    return path


@pytest.fixture
def edit():
    """edit(path, change): `change` gets the list of rows of a file and alters it in place."""

    def apply(path: Path, change) -> None:
        rows = read_rows(path)
        change(rows)
        write_rows(path, rows)

    return apply
