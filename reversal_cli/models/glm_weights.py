"""Reads the weights of a GLM of 2022: one file or several, safetensors or pickles, each tensor once in memory."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from reversal_cli.errors import ReversalError, first_of
from reversal_cli.files.reading import parse_json, read_utf8
from reversal_cli.models.checkpoint import absent, cannot_load, find_files
from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel
from reversal_cli.spec.experiment import ModelSpec

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
INDEX = ".index.json"
"""Ends the name of the file that says which tensors are in which shard."""
BROKEN = (OSError, RuntimeError, ValueError, EOFError, KeyError, SafetensorError, UnpicklingError)
"""What the readers of both formats raise for a file that they cannot read."""
GIT_LFS = b"version https://git-lfs"
FORBIDDEN = re.compile(r"GLOBAL (\S+)")
"""How torch names what a pickle wanted to call."""
HEAD = "lm_head.weight"
NAMES_SHOWN = 5


def load_weights(spec: ModelSpec, config: GlmAbiConfig, dtype: torch.dtype) -> GlmAbiModel:
    """The network with the checkpoint's weights in `dtype`, which are in memory once: it is built without any.

    Raises ReversalError if a file is missing or broken, or does not hold exactly the tensors of the config.
    """
    with torch.device("meta"):
        model = GlmAbiModel(config)
    expected = {name: tensor.shape for name, tensor in model.state_dict().items() if name != HEAD}
    paths = weight_files(spec)
    model.load_state_dict(read_weights(spec, paths, expected, dtype), strict=False, assign=True)
    model.tie_weights()
    return model


def weight_files(spec: ModelSpec) -> list[Path]:
    """The file with all weights, or the shards that an index names."""
    # One after the other: a hub checkpoint that has several is fetched once.
    paths = (find_files(spec, [name]).get(name) for name in WEIGHT_FILES)
    path = next(filter(None, paths), None)
    if path is None:
        raise absent(spec, " or ".join(name for name in WEIGHT_FILES if not name.endswith(INDEX)))
    if not path.name.endswith(INDEX):
        return [path]
    names = shard_names(spec, path)
    shards = find_files(spec, names)
    lacking = [name for name in names if name not in shards]
    if lacking:
        raise absent(spec, f"{first_of(lacking, NAMES_SHOWN)}, which {path.name} names")
    return [shards[name] for name in names]


def shard_names(spec: ModelSpec, index: Path) -> list[str]:
    """The files of an index: `{"weight_map": {tensor: file, ...}}`."""
    try:
        content = parse_json(read_utf8(index, "the index of a checkpoint's files"))
        names = sorted(set(content["weight_map"].values()))
    except (ReversalError, ValueError, KeyError, TypeError, AttributeError):
        names = []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise cannot_load(spec, f"{index.name} is not the index of a checkpoint's files")
    return names


def read_weights(
    spec: ModelSpec, paths: Sequence[Path], expected: Mapping[str, torch.Size], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Exactly the expected tensors (name -> shape) in `dtype`, one after the other; names may begin with `glm.`."""
    weights: dict[str, Tensor] = {}
    problems: dict[str, list[str]] = {"unexpected": [], "of another shape": [], "given twice": []}
    for path in paths:
        try:
            take_weights(path, expected, dtype, weights, problems)
        except BROKEN as error:
            raise cannot_load(spec, f"{path.name}: {explain_load_error(path, error)}") from None
    misshapen = {name.split(" ")[0].removeprefix("glm.") for name in problems["of another shape"]}
    problems = {"missing": sorted(expected.keys() - weights.keys() - misshapen), **problems}
    if any(problems.values()):
        raise wrong_tensors(spec, paths, problems)
    return weights


def take_weights(
    path: Path,
    expected: Mapping[str, torch.Size],
    dtype: torch.dtype,
    weights: dict[str, Tensor],
    problems: dict[str, list[str]],
) -> None:
    """Adds the tensors of one file to `weights`, and the names of those that do not fit to `problems`."""
    for published, read in open_weights(path):
        name = published.removeprefix("glm.")
        if name == HEAD:  # a copy of the embeddings, if someone saved one
            continue
        if name not in expected:
            problems["unexpected"].append(published)
            continue
        tensor = read()
        if tensor.shape != expected[name]:
            shapes = f"{list(tensor.shape)} instead of {list(expected[name])}"
            problems["of another shape"].append(f"{published} {shapes}")
        elif name in weights:
            problems["given twice"].append(published)
        else:
            weights[name] = tensor.to(dtype, copy=True)


def open_weights(path: Path) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Name and reader of each tensor of a file, which is mapped into memory and not read as a whole."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                yield name, functools.partial(file.get_tensor, name)
        return
    for name, tensor in read_pickle(path).items():
        yield name, functools.partial(lambda given: given, tensor)


def read_pickle(path: Path) -> Mapping[str, Tensor]:
    """pytorch_model.bin: tensors only, and no code is run. A file in the format before torch 1.6 is read as a whole."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap can only be used with files saved with" not in str(error):
            raise
        content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError("other things than named tensors")
    return content


def explain_load_error(path: Path, error: Exception) -> str:
    """What is wrong with a weight file, in our words: those of torch advise to load the file without its safeguard."""
    with path.open("rb") as file:
        start = file.read(len(GIT_LFS))
    if start == GIT_LFS:
        return "a pointer of git-lfs, not the weights; run `git lfs pull`"
    if isinstance(error, ValueError):
        return str(error)
    if not isinstance(error, UnpicklingError):
        return "empty" if not start else f"broken or cut off ({' '.join(str(error).split())[:100]})"
    forbidden = FORBIDDEN.search(str(error))
    return f"a pickle with code, {forbidden[1]}, which was not run" if forbidden else "no weights of PyTorch"


def wrong_tensors(spec: ModelSpec, paths: Sequence[Path], problems: dict[str, list[str]]) -> ReversalError:
    parts = [f"{len(names)} {kind}: {first_of(names, NAMES_SHOWN)}" for kind, names in problems.items() if names]
    files = paths[0].name if len(paths) == 1 else f"{paths[0].name} and the other {len(paths) - 1} shards"
    return ReversalError(
        f"model '{spec.name}': {files} does not fit config.json ({'; '.join(parts)}); "
        "expected the tensors of one GLM checkpoint of 2022; get its files again"
    )
