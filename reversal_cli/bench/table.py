"""The results of a benchmark as tables, and as Markdown."""

from collections.abc import Sequence

from reversal_cli.bench.measure import Spread, was_busy
from reversal_cli.bench.results import BenchResult, CaseResult, PeerResult
from reversal_cli.bench.train_speed import PARTS
from reversal_cli.plain_text import markdown_text
from reversal_cli.report.render import markdown_parts
from reversal_cli.report.tables import ReportTable

SPREAD_NOTE = "Median [10th, 90th percentile]."
NOISE_NOTE = "* The spread is wider than half the median: noise; close other programs, or raise --steps."


def bench_tables(result: BenchResult) -> list[ReportTable]:
    """Training, the parts of a step, evaluation and, if they were asked for, the peers."""
    tables = [_training(result), _parts(result.cases), _evaluation(result.cases)]
    return [*tables, _peers(result.peers)] if result.peers else tables


def bench_markdown(result: BenchResult) -> str:
    """The whole of bench.md."""
    machine, where = result.machine, result.content()["arithmetic"]
    lines = [
        f"Command: `{result.command}`",
        f"Date: {machine.started}",
        f"Machine: {machine.hardware.cpu}, {machine.hardware.cores} cores, {machine.hardware.memory_gib} GiB, "
        f"{', '.join(machine.hardware.gpus) or 'no GPU'}; {machine.hardware.system}",
        f"Arithmetic: {', '.join(f'{key} {value}' for key, value in where.items() if value is not None)}",
        f"Versions: {', '.join(f'{name} {version}' for name, version in machine.versions.items())}",
        f"Commit: {_commit(result)}",
    ]
    parts = ["# reversal bench", "\n".join(f"- {markdown_text(line)}" for line in lines)]
    for table in bench_tables(result):
        parts += markdown_parts(table)
    return "\n\n".join(parts) + "\n"


def _commit(result: BenchResult) -> str:
    git = result.machine.git
    return "none (installed)" if git is None else git.commit + (" with changes" if git.dirty else "")


def _training(result: BenchResult) -> ReportTable:
    columns = ["rows/s", "tokens/s", "padding %", "of ceiling %", "peak MiB"]
    rows = [
        [
            case.case,
            cell(case.training.rows_per_second),
            cell(case.training.tokens_per_second),
            f"{100 * case.training.padding:.1f}",
            cell(case.training.ceiling_share, 100),
            number(case.training.peak_memory_mib),
        ]
        for case in result.cases
    ]
    ceiling = (
        f"Ceiling: torch.mm of {result.ceiling.size} x {result.ceiling.size} matrices, "
        f"{number(result.ceiling.gflops)} GFLOP/s in {str(result.dtype).removeprefix('torch.')}; a step's share counts "
        "its matrix products alone."
    )
    notes = ["Tokens without padding.", ceiling, *_busy(result)]
    return _table("Training", columns, rows, notes)


def _busy(result: BenchResult) -> list[str]:
    """A note if other programs took the processor: every number is then too low, however small its spread."""
    least = min(case.training.cores for case in result.cases)
    if not was_busy(least, result.device):
        return []
    return [f"This process got {least:.2f} of a core while it trained: other programs ran, and all rates are too low."]


def _parts(cases: Sequence[CaseResult]) -> ReportTable:
    rows = [
        [case.case, cell(case.training.step_seconds, 1000), *(cell(case.training.parts[part], 1000) for part in PARTS)]
        for case in cases
    ]
    notes = ["Milliseconds. forward: with the loss. optimizer: with the clipping of the gradient."]
    return _table("A training step", ["step", *PARTS], rows, notes)


def _evaluation(cases: Sequence[CaseResult]) -> ReportTable:
    rows = [
        [case.case, cell(case.evaluation.prompts_per_second), cell(case.evaluation.candidates_per_second)]
        for case in cases
    ]
    first = cases[0]
    notes = [
        f"Of the checkpoint before training; {first.evaluation.prompts} prompts in batches of {first.eval_batch_size}, "
        f"{first.evaluation.candidates} ranked candidates, {first.evaluation.prompts_per_second.count} passes."
    ]
    return _table("Evaluation", ["prompts/s", "ranked candidates/s"], rows, notes)


def _peers(peers: Sequence[PeerResult]) -> ReportTable:
    rows = [
        [f"{peer.case}: {peer.peer}, {peer.unit}", cell(peer.ours), cell(peer.theirs), number(peer.ratio)]
        for peer in peers
    ]
    notes = [
        "The same rows or prompts in turns, on one machine in one run. ratio: ours divided by theirs.",
        "Our ranking also answers the multiple choice.",
    ]
    return _table("Beside other tools", ["reversal", "other", "ratio"], rows, notes)


def _table(title: str, columns: list[str], rows: list[list[str]], notes: list[str]) -> ReportTable:
    notes = [SPREAD_NOTE, *notes]
    if any(text.endswith("*") for row in rows for text in row):
        notes.append(NOISE_NOTE)
    return ReportTable(title, ["case", *columns], rows, notes, columns)


def cell(spread: Spread, factor: float = 1.0) -> str:
    """`412 [390, 420]`, with a star if it is noise.

    >>> cell(Spread(median=412.3, p10=390.0, p90=420.0, count=20, noisy=False))
    '412 [390, 420]'
    """
    median, low, high = (number(factor * value) for value in (spread.median, spread.p10, spread.p90))
    return f"{median} [{low}, {high}]" + ("*" if spread.noisy else "")


def number(value: float) -> str:
    """Three digits, or all before the point.

    >>> number(0.01234), number(1.5), number(12.345), number(12345.6)
    ('0.0123', '1.50', '12.3', '12346')
    """
    if value >= 1:
        return f"{value:.{max(0, 3 - len(str(int(value))))}f}"
    return f"{value:.3g}"
