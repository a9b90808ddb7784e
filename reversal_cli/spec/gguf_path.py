"""GGUF files as models: which file a name stands for. Plain data: neither torch nor the gguf package."""

from pathlib import Path

from reversal_cli.errors import ReversalError

SUFFIX = ".gguf"
MAGIC = b"GGUF"
"""The first bytes of such a file."""


def gguf_file(name: str) -> Path | None:
    """The GGUF file that `name` is, or that the folder `name` holds instead of a config.json; None for other models.

    Raises ReversalError for a folder with several of them, and for a file that is not there or not a GGUF file.
    """
    path = Path(name)
    if path.is_dir():
        files = [] if (path / "config.json").is_file() else sorted(path.glob(f"*{SUFFIX}"))
        if len(files) > 1:
            raise ReversalError(
                f"{path}: holds {len(files)} GGUF files ({files[0].name}, {files[1].name}); expected one; name the file"
            )
        path = files[0] if files else path
    if path.suffix != SUFFIX or path.is_dir():
        return None
    if not path.is_file():
        raise ReversalError(f"{path}: no such file; expected a GGUF file; check the path")
    _refuse_other_content(path)
    return path


def _refuse_other_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise ReversalError(f"{path}: cannot be read ({error.strerror}); expected a GGUF file; check it") from None
    if start != MAGIC:
        raise ReversalError(f"{path}: is not a GGUF file (it does not begin with GGUF); check or download it again")
