"""GGUF files: dequantized once into an ordinary checkpoint folder, which everything else reads.

The folder lies in the user's cache and is named after the file's hash and the version of transformers that read it. Its
weights are float32: a quantized weight is a product of two float16 numbers plus a third, which no shorter type holds.
"""

import contextlib
import functools
import importlib.util
import io
import json
import struct
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.errors import ReversalError
from reversal_cli.files.cache import cache_folder
from reversal_cli.files.folders import share_files
from reversal_cli.files.reading import read_json
from reversal_cli.files.storage import storage_errors
from reversal_cli.files.writing import file_sha256
from reversal_cli.runs.directory import write_json

RECORD = "gguf.json"
"""What the folder was made of."""
UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, struct.error)
"""What the gguf package and transformers raise for a file that is cut short or of another kind."""
UNQUANTIZED = frozenset({"F32"})
"""Norms and biases are never quantized: they say nothing about the file."""


def checkpoint_of(file: Path) -> Path:
    """The folder of the dequantized checkpoint, made if it is absent. Raises ReversalError for an unreadable file."""
    status = file.stat()
    return _checkpoint_of(file.resolve(), status.st_mtime_ns, status.st_size)


def gguf_identity(folder: Path) -> dict[str, Any]:
    """File name, SHA-256, architecture and quantization of the GGUF file that a checkpoint folder was made of; empty
    for an ordinary checkpoint."""
    path = folder / RECORD
    return {"gguf": read_json(path, f"remove the folder {folder}")} if path.is_file() else {}


@functools.cache
def _checkpoint_of(file: Path, _modified: int, _size: int) -> Path:
    if importlib.util.find_spec("gguf") is None:
        raise ReversalError(
            f'{file}: a GGUF file needs the package gguf; install it with `pip install "reversal[gguf]"`'
        )
    digest = file_sha256(file)
    folder = cache_folder() / "gguf" / f"{file.stem}-{digest[:12]}-transformers-{transformers.__version__}"
    if not folder.is_dir():
        try:
            record = {"file": file.name, "sha256": digest, **_metadata(file)}
            model, tokenizer = _read(file)
        except UNREADABLE as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ReversalError(
                f"{file}: cannot be read as a GGUF file ({reason}); expected one of a causal language model that "
                "transformers can read; get it again or choose another"
            ) from None
        _write(folder, model, tokenizer, record)
    return folder


def _metadata(file: Path) -> dict[str, Any]:
    """`architecture` as the file names it, and `quantization`: the type of most weights, such as Q4_1."""
    from gguf import GGUFReader

    reader = GGUFReader(file)
    field = reader.fields.get("general.architecture")
    if field is None:
        raise ValueError("it names no architecture")
    counts: Counter[str] = Counter()
    for tensor in reader.tensors:
        counts[tensor.tensor_type.name] += int(tensor.n_elements)
    quantized = [name for name, _ in counts.most_common() if name not in UNQUANTIZED]
    return {"architecture": str(field.contents()), "quantization": quantized[0] if quantized else "F32"}


def _read(file: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from transformers import GgufConfig  # later than the oldest transformers that this package runs with

    with contextlib.redirect_stderr(io.StringIO()):  # transformers' own bar, which no setting turns off
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
        )
    return model, tokenizer


def _write(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, record: dict[str, Any]) -> None:
    """The whole folder or nothing, also where several processes make it at once: the first one's stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary, storage_errors(folder):
        made = Path(temporary) / "checkpoint"
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        _drop_tokens_without_rows(made, model.get_input_embeddings().num_embeddings)
        write_json(made / RECORD, record)
        share_files(made)
        if not folder.is_dir():
            made.rename(folder)


def _drop_tokens_without_rows(folder: Path, rows: int) -> None:
    """Removes special tokens that transformers gives every tokenizer of a kind, though this file does not have them:
    GPT-2's <|endoftext|>, for one. The model has no embedding for them."""
    path, config_path = folder / "tokenizer.json", folder / "tokenizer_config.json"
    content, config = (json.loads(file.read_text(encoding="utf-8")) for file in (path, config_path))
    foreign = {token["content"] for token in content["added_tokens"] if token["id"] >= rows}
    if foreign:
        content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] not in foreign]
        config = {key: value for key, value in config.items() if not (isinstance(value, str) and value in foreign)}
        write_json(path, content)
        write_json(config_path, config)
