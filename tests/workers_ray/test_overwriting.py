"""--overwrite, for a run of which several workers are lost."""

from reversal_cli.console import Terminal
from reversal_cli.workers.overwriting import overwriting_once


def test_attempts_overwrite_until_one_has_begun_the_run_anew(tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text("older")
    attempts: list[bool] = []
    make = overwriting_once(lambda terminal, overwrite: attempts.append(overwrite), manifest, overwrite=True)

    def attempt(content: str | None) -> bool:
        manifest.unlink() if content is None else manifest.write_text(content)
        make(Terminal())
        return attempts[-1]

    assert attempt("older")  # lost before its first step
    assert attempt(None)  # lost between the removal of the older run and the beginning of the new one
    assert not attempt("newer")
    assert not attempt("newer, trained")


def test_a_run_without_a_manifest_is_overwritten_once(tmp_path):
    attempts: list[bool] = []
    manifest = tmp_path / "manifest.json"
    make = overwriting_once(lambda terminal, overwrite: attempts.append(overwrite), manifest, overwrite=True)
    make(Terminal())
    manifest.write_text("new")
    make(Terminal())
    assert attempts == [True, False]


def test_without_the_flag_no_attempt_overwrites(tmp_path):
    attempts: list[bool] = []
    overwriting_once(lambda terminal, overwrite: attempts.append(overwrite), tmp_path / "manifest.json", False)(
        Terminal()
    )
    assert attempts == [False]
