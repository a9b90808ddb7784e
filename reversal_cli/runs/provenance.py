"""The provenance of a result: commit, versions, hardware, time.

Never environment variables, a user or host name, a credential or a path: manifests get published.
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
    """The hardware, which can change the speed and the last digits of a number."""

    system: str
    cpu: str
    cores: int | None
    memory_gib: float | None
    gpus: list[str]


class Provenance(Shape):
    """For readers; only the order of tables depends on it, by `started`."""

    started: str
    git: GitState | None
    versions: Texts
    hardware: Hardware


def provenance() -> Provenance:
    """The provenance of a result made now."""
    return Provenance(started=timestamp(), git=git_state(), versions=versions(), hardware=hardware())


def timestamp() -> str:
    """Now, in UTC, to the second: `2025-01-31T12:00:00Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_state(folder: Path = PACKAGE_FOLDER) -> GitState | None:
    """Commit of the checkout that the package runs from, and whether the package differs from it; None without one.

    git runs in the package's folder, never in the user's: the settings of another repository may run commands. It is
    asked for a tracked file first, because a package installed inside some repository is not part of it.
    """
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return GitState(commit=commit, dirty=bool(_git(folder, "status", "--porcelain", "--", ".")))


def _git(folder: Path, *arguments: str) -> str | None:
    """The output of git, or None if git is absent or fails."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        process = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None


def versions() -> dict[str, str]:
    """Versions of this package, of Python, and of each library that can change a number."""
    version_of = {"reversal": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            version_of[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version_of[package] = "absent"
    return version_of


def hardware() -> Hardware:
    """The hardware of this machine."""
    return Hardware(
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_name(),
        cores=core_count(),
        memory_gib=_memory_gib(),
        gpus=_gpu_names(),
    )


def core_count() -> int | None:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def cpu_name() -> str:
    """The name of the processor, from /proc/cpuinfo on Linux."""
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
