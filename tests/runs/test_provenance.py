"""What a manifest says of where it was made, and what it never says."""

import getpass
import json
import platform
import re
import subprocess
from pathlib import Path

from reversal_cli.runs.provenance import GitState, git_state, provenance


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_versions_hardware_and_time_are_told():
    made = provenance()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made.started)
    assert made.versions["torch"][0].isdigit()
    assert made.hardware.cores >= 1


def test_no_user_host_path_or_environment_is_told(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_this_test")
    text = json.dumps(provenance().content())
    for private in ("hf_secret_of_this_test", str(Path.home()), str(Path.cwd())):
        assert private not in text
    for private in (getpass.getuser(), platform.node()):
        assert f'"{private}"' not in text


def test_git_state_is_commit_and_dirt_of_the_package_checkout(tmp_path):
    git(tmp_path, "init", "-q")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    assert git_state(package) is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    clean = git_state(package)
    assert re.fullmatch(r"[0-9a-f]{40}", clean.commit)
    assert clean.dirty is False
    (package / "new.py").write_text("")
    assert git_state(package) == GitState(commit=clean.commit, dirty=True)


def test_a_package_installed_inside_another_repository_is_not_part_of_it(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    assert git_state(installed) is None


def test_without_git_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state() is None
