"""A new objective is one file and one line, also one that fills blanks: the package with these two added."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import reversal_cli

PACKAGE = Path(reversal_cli.__file__).parent
TOY = '''
"""Toy: the second half of a row is a blank."""

from typing import ClassVar, Literal

from reversal_cli.objectives.base import FamilyName, ObjectiveOptions, PromptLayout
from reversal_cli.objectives.blanks import blank_batch, suffix_row


class SecondHalf(ObjectiveOptions):
    summary: ClassVar[str] = "fills the second half"
    on: ClassVar[dict[FamilyName, str]] = {"rotary": "from left to right", "glm": "the same"}
    needs_blanks: ClassVar[bool] = True
    variant_option: ClassVar[str | None] = "part"

    name: Literal["second-half"] = "second-half"
    part: float = 0.5
    """Share of the row that is kept."""

    def prompt_layout(self, tokens):
        return PromptLayout(tokens.blanks.at_end(None), span_positions="after_text")

    def collate(self, rows, tokens, draw):
        cuts = [int(self.part * (len(row.input_ids) - 1)) for row in rows]
        laid_out = [suffix_row(row.input_ids, cut, None, tokens.blanks) for row, cut in zip(rows, cuts, strict=True)]
        return blank_batch(laid_out, tokens, "after_text")
'''
DRIVER = """
from reversal_cli.cli import main

SHORT = "--set training.batch_size=32 --set training.epochs=1 --set training.tuning=full".split()
commands = [
    ["list"],
    "generate --out data --entities 2 --train-templates 2 --test-templates 1".split(),
    *(
        [*"finetune --objective second-half --data data --name".split(), model, "--model", model, *SHORT]
        for model in ("tiny-llama", "tiny-glm")
    ),
    ["eval", "--no-likelihood", "--no-controls"],
    ["report"],
]
for command in commands:
    assert not main(command), command
"""


@pytest.fixture
def package_with_toy(tmp_path) -> Path:
    """A folder with a copy of the package that has one file and one line more."""
    copy = tmp_path / "source" / "reversal_cli"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "objectives" / "second_half.py").write_text(TOY)
    init = copy / "objectives" / "__init__.py"
    text = init.read_text()
    line = '"prefix-lm": PrefixLm,'
    assert line in text
    added = text.replace(line, f'{line} "second-half": SecondHalf,')
    init.write_text("from reversal_cli.objectives.second_half import SecondHalf\n" + added)
    return copy.parent


def test_an_objective_that_fills_blanks_is_listed_trained_and_asked_with_one_file_and_one_line(
    package_with_toy, tmp_path
):
    environment = {**os.environ, "PYTHONPATH": str(package_with_toy), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fills the second half" in done.stdout
    assert "second-half on glm" in done.stdout
    for model in ("tiny-llama", "tiny-glm"):
        assert f"results/{model}/seed-0: N2D" in done.stdout
    assert "second-half (0.5)" in done.stdout
