"""What the documents show works as it is written: commands, TOML and Python."""

import importlib.util
import itertools
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import yaml
from typer.main import get_command

from reversal_cli.cli import app, main
from reversal_cli.objectives.base import IGNORE, Draw, Row, TokenIds
from reversal_cli.report.requirements import parse_requirement
from reversal_cli.spec.loading import is_pretraining, load_experiment, load_pretraining

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", PUBLISHED / "README.md", PUBLISHED / "mitigations.md"]
GATE = ROOT / "experiments" / "gate.yml"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`reversal ([^`]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FLAG = re.compile(r"(?<!\S)--?[a-z][a-z-]*")
GROUP = get_command(app)
CHEAP = ("generate", "list", "export")
"""Commands that are run as they stand."""
DRY = ("finetune", "run", "pretrain")
"""Commands that are run with --dry-run: without it they take minutes."""


class Shown(NamedTuple):
    """A piece of a document and where it begins, such as README.md:34."""

    where: str
    text: str


def shown(pattern: re.Pattern[str], language: str = "") -> list[Shown]:
    """What a pattern finds in the documents; of blocks, those of one language."""
    pieces = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for match in pattern.finditer(text):
            if match[1] == language or not language:
                line = text.count("\n", 0, match.start()) + 1
                pieces.append(Shown(f"{path.relative_to(ROOT)}:{line}", match[match.lastindex]))
    return pieces


def scripts() -> list[Shown]:
    """The bash blocks of the documents, and the steps of the example workflow."""
    workflow = yaml.safe_load(GATE.read_text(encoding="utf-8"))
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    return [*shown(BLOCK, "bash"), *(Shown(GATE.name, step) for step in steps)]


def commands() -> list[Shown]:
    """The arguments of each `reversal` of the scripts, in their order."""
    found = []
    for where, text in scripts():
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            for is_separator, part in itertools.groupby(words, lambda word: word == "&&"):
                command = list(itertools.takewhile(lambda word: word not in (">", ">>"), part))
                if not is_separator and Path(command[0]).name == "reversal":
                    found.append(Shown(where, shlex.join(command[1:])))
    return found


def identified(pieces: list[Shown]) -> list:
    return [pytest.param(piece.text, id=f"{piece.where} {piece.text.splitlines()[0]}") for piece in pieces]


@pytest.fixture
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with experiments/, as a reader of the README has it."""
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)


def test_every_kind_of_block_is_found():
    assert len(commands()) > 10
    assert shown(BLOCK, "python") and shown(BLOCK, "toml")


@pytest.mark.parametrize("text", identified(commands()))
def test_every_command_of_a_block_is_one_that_the_command_line_takes(text):
    name, *arguments = shlex.split(text)
    GROUP.commands[name].make_context(name, arguments)


def prose(path: Path) -> str:
    return BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> list[str]:
    """What a link may name behind #: headings as GitHub writes them."""
    titles = [re.sub(r"\]\([^)]*\)", "", match[1]) for match in HEADING.finditer(prose(path))]
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_every_link_leads_to_a_file_and_to_one_heading():
    pages = [*ROOT.glob("*.md"), *PUBLISHED.rglob("*.md"), *(ROOT / "results" / "bench").rglob("*.md")]
    links = [(page, *link.partition("#")) for page in pages for link in LINK.findall(prose(page))]
    assert len(links) > 50
    for page, name, _, anchor in links:
        target = page.parent / name if name else page
        assert target.exists(), f"{page}: {name}"
        assert not anchor or anchors(target).count(anchor) == 1, f"{page}: {name}#{anchor}"


@pytest.mark.parametrize("text", identified([piece for piece in commands() if "--require" in piece.text]))
def test_every_requirement_of_a_command_is_one_that_the_report_takes(text):
    words = shlex.split(text)
    for flag, requirement in itertools.pairwise(words):
        if flag == "--require":
            parse_requirement(requirement)


@pytest.mark.parametrize("text", identified(shown(INLINE)))
def test_every_command_in_a_sentence_has_the_flags_that_it_shows(text):
    name = text.split()[0]
    command = GROUP if name.startswith("-") else GROUP.commands[name]
    known = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    assert set(FLAG.findall(text)) <= known | {"-h", "--help"}


def test_the_commands_that_take_no_time_work_one_after_the_other(in_a_copy, capsys):
    for where, text in commands():
        arguments = shlex.split(text)
        if arguments[0] in DRY and "--dry-run" not in arguments:
            arguments.append("--dry-run")
        if arguments[0] in (*CHEAP, *DRY):
            assert main(arguments) == 0, f"{where}: reversal {text}: {capsys.readouterr().err}"


@pytest.mark.parametrize("text", identified(shown(BLOCK, "toml")))
def test_every_toml_block_is_an_experiment(text, in_a_copy):
    Path("shown.toml").write_text(text)
    assert load_experiment(Path("shown.toml")).specs


@pytest.mark.parametrize("file", sorted((ROOT / "experiments").rglob("*.toml")), ids=lambda file: file.stem)
def test_every_file_of_experiments_is_an_experiment_or_a_base_model(file):
    assert load_pretraining(file) if is_pretraining(file) else load_experiment(file).specs


def imported(text: str, folder: Path) -> ModuleType:
    """A block of Python as a module."""
    (folder / "block.py").write_text(text)
    description = importlib.util.spec_from_file_location("block", folder / "block.py")
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


def test_the_objective_of_the_readme_learns_every_other_token(tmp_path):
    (block,) = shown(BLOCK, "python")
    objective = imported(block.text, tmp_path).EveryOther()
    batch = objective.collate([Row((5, 6, 7, 8, 9), 2)], TokenIds(pad=0, special=frozenset()), Draw(0, 0, (0,)))
    assert batch.labels.tolist() == [[6, IGNORE, 8, IGNORE, IGNORE]]
