"""`reversal generate`: write the benchmark or the pretraining corpus, or check a folder."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from reversal_cli.commands.options import DATASET, Json, Overwrite, Quiet, no_file, refuse_without_effect
from reversal_cli.console import Terminal, make_table
from reversal_cli.errors import ReversalError
from reversal_cli.spec.field_docs import field_help

CORPUS = Path("results/data/corpus")
GENERATOR = "dataset.generator"

Check = Annotated[
    Path | None,
    typer.Option(
        "--check",
        metavar="FOLDER",
        help="Audit an existing folder instead: counts, duplicates, leaks, directions shown; exit 1 on a problem.",
    ),
]


def generate(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=no_file,
            help=f"Where to write.  [default: {DATASET}, or {CORPUS} for a corpus]",
        ),
    ] = None,
    entities: Annotated[int | None, typer.Option(metavar="N", help=field_help(f"{GENERATOR}.entities"))] = None,
    train_templates: Annotated[
        int | None, typer.Option(metavar="N", help=field_help(f"{GENERATOR}.train_templates"))
    ] = None,
    test_templates: Annotated[
        int | None, typer.Option(metavar="N", help=field_help(f"{GENERATOR}.test_templates"))
    ] = None,
    validation_templates: Annotated[
        int | None, typer.Option(metavar="N", help=field_help(f"{GENERATOR}.validation_templates"))
    ] = None,
    name_words: Annotated[int | None, typer.Option(metavar="N", help=field_help(f"{GENERATOR}.name_words"))] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Same seed, same bytes.  [default: 0]")] = None,
    corpus: Annotated[
        bool, typer.Option("--corpus", help="Write the pretraining corpus (other entities, both directions) instead.")
    ] = False,
    people: Annotated[
        int | None, typer.Option(metavar="N", help=f"With --corpus. {field_help('pretraining.people')}")
    ] = None,
    sentences: Annotated[
        int | None, typer.Option(metavar="N", help=f"With --corpus. {field_help('pretraining.sentences')}")
    ] = None,
    paraphrases: Annotated[
        int | None, typer.Option(metavar="N", help=f"With --corpus. {field_help('pretraining.paraphrases')}")
    ] = None,
    check: Check = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the name-description benchmark, or check one."""
    terminal = Terminal(quiet)
    benchmark_flags = {
        "--entities": entities,
        "--train-templates": train_templates,
        "--test-templates": test_templates,
        "--validation-templates": validation_templates,
        "--name-words": name_words,
    }
    corpus_flags = {"--people": people, "--sentences": sentences, "--paraphrases": paraphrases}
    if check is not None:
        others = {"--out": out, "--seed": seed, "--corpus": corpus or None, "--overwrite": overwrite or None}
        _refuse({**benchmark_flags, **corpus_flags, **others}, "--check only reads a folder")
        check_folder(check, terminal, as_json)
    elif corpus:
        _refuse(benchmark_flags, "a corpus has no groups and no test set")
        folder = write_corpus(out or CORPUS, corpus_flags | {"--seed": seed}, overwrite)
        _report(folder, "the corpus", terminal, as_json)
    else:
        _refuse(corpus_flags, "it belongs to --corpus")
        folder = write_benchmark(out or DATASET, benchmark_flags | {"--seed": seed}, overwrite, terminal)
        _report(folder, "the benchmark", terminal, as_json)


def write_benchmark(folder: Path, flags: dict[str, Any], overwrite: bool, terminal: Terminal) -> Path:
    from reversal_cli.data.name_description import Options, generate
    from reversal_cli.spec.validation import Setting, validate

    settings = [Setting(_key(flag), value, flag) for flag, value in flags.items() if value is not None]
    options = validate(Options, settings)
    with terminal.progress("generate", "example") as advance:
        return generate(options, folder, overwrite, advance)


def write_corpus(folder: Path, flags: dict[str, Any], overwrite: bool) -> Path:
    from reversal_cli.data.name_description import write_corpus
    from reversal_cli.spec.pretraining import PretrainSpec

    options = PretrainSpec().model_dump(include={"people", "sentences", "paraphrases", "seed"})
    options |= {_key(flag): value for flag, value in flags.items() if value is not None}
    return write_corpus(folder, **options, overwrite=overwrite)


def check_folder(folder: Path, terminal: Terminal, as_json: bool) -> None:
    """Prints the audit; exits 1 if there is a problem."""
    from reversal_cli.data.audit.folder import CORPUS_STEM, REQUIRED_FILES, audit

    stems = (*REQUIRED_FILES, CORPUS_STEM)
    if folder.is_dir() and not any((folder / f"{stem}.jsonl").exists() for stem in stems):
        raise ReversalError(
            f"{folder}: holds no dataset; expected {', '.join(f'{stem}.jsonl' for stem in REQUIRED_FILES)}, or a "
            "corpus; check the path"
        )
    result = audit(folder)
    if as_json:
        content = {"counts": result.counts, "groups": result.summary_rows()}
        terminal.write(json.dumps(content | {"problems": result.problems, "warnings": result.warnings}, indent=2))
    else:
        terminal.show(make_table(f"Files of {folder}", ["file", "examples"], _rows(result.counts.items())))
        if summary := result.summary_rows():
            terminal.show(make_table("Shown in training", list(summary[0]), _rows(row.values() for row in summary)))
        for warning in result.warnings:
            terminal.warn(warning)
        for problem in result.problems:
            terminal.fail(f"problem: {problem}")
        if not result.problems:
            terminal.say(f"{folder}: no problems, {len(result.warnings)} warnings")
    if result.problems:
        raise typer.Exit(1)


def _report(folder: Path, what: str, terminal: Terminal, as_json: bool) -> None:
    from reversal_cli.data.name_description.folder import read_card

    card = read_card(folder)
    assert card is not None  # it was just written
    if as_json:
        terminal.write(json.dumps({"folder": str(folder), **card.content()}, indent=2, sort_keys=True))
        return
    count, unit = sum(card.counts.values()), "rows" if what == "the corpus" else "examples"
    files = "1 file" if len(card.counts) == 1 else f"{len(card.counts)} files"
    terminal.say(f"wrote {what} to {folder}: {count:,} {unit} in {files}")


def _refuse(flags: dict[str, Any], why: str) -> None:
    for flag, value in flags.items():
        if value is not None:
            refuse_without_effect(flag, why)


def _key(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _rows(items: Any) -> list[list[str]]:
    return [[str(cell) for cell in item] for item in items]
