"""Where and with what a result was made: commit, versions, hardware, time.

Never the environment, a user or host name, a credential or a path of this machine: manifests get published.
"""

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from reversal_cli import __version__
from reversal_cli.files.shapes import Shape, Texts

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets", "tokenizers")


class GitState(Shape):
    """The checkout that the package ran from."""

    commit: str
    dirty: bool
    """Whether the package differed from the commit."""


class Hardware(Shape):
    """What can change the speed or the last digits of a number."""

    system: str
    cpu: str
    cores: int | None
    memory_gib: float | None
    gpus: list[str]


class Provenance(Shape):
    """For people: nothing is decided by it."""

    started: str
    git: GitState | None
    versions: Texts
    hardware: Hardware


def provenance() -> Provenance:
    """Of what is made now."""
    return Provenance(started=timestamp(), git=git_state(), versions=versions(), hardware=hardware())


def timestamp() -> str:
    """Now, in UTC, to the second: `2025-01-31T12:00:00Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_state(folder: Path = PACKAGE_FOLDER) -> GitState | None:
    """Commit of the checkout the package runs from, and whether the package differs from it; None without a checkout.

    Asked in the package's own folder, never in the user's: another repository's settings may run commands. A package
    installed in a virtual environment inside some repository is not part of it, hence the question for a tracked file.
    """
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return GitState(commit=commit, dirty=bool(_git(folder, "status", "--porcelain", "--", ".")))


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where git is absent or refuses."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def versions() -> dict[str, str]:
    """Version of this package, of Python, and of each library that can change a number."""
    found = {"reversal": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def hardware() -> Hardware:
    """Of this machine."""
    return Hardware(
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        memory_gib=_memory_gib(),
        gpus=_gpu_names(),
    )


def cpu_name() -> str:
    """The processor's own name, as Linux tells it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _gpu_names() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
