"""--executor, --address and --workers: what does not fit together is refused before anything begins."""

import socket
import sys
from pathlib import Path

import pytest

from reversal_cli.cli import main


@pytest.fixture(autouse=True)
def in_a_folder_with_an_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text("seed = 1\n")
    Path("base.toml").write_text('kind = "pretrain"\n')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "rai"], "--executor: unknown executor 'rai'; did you mean 'ray'? (local, ray)"),
        (["--address", "auto"], "--address: has no effect here: it is for --executor ray; remove it"),
        (
            ["--executor", "ray", "--workers", "2"],
            "--workers: has no effect here: with --executor ray the resources of the runs decide; remove it",
        ),
        *(
            (["--executor", "ray", "--address", address], f"--address: found '{address}'; expected auto, ray://host:")
            for address in ("host", "host:", "host:0", "host:65536", ":6379", "http://host:80", "a b:1", "")
        ),
    ],
)
def test_flags_that_do_not_fit_together_are_refused(arguments, message, capsys):
    assert main(["run", "x.toml", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}") and not Path("results").exists()


def test_without_ray_its_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", "x.toml", "--executor", "ray"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --executor ray: ray cannot be imported (")
    assert line.endswith("run `pip install 'reversal[ray]'`") and not Path("results").exists()


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("listens", [False, True])
def test_an_address_that_is_not_that_of_a_cluster_is_one_line(scheme, listens, capsys):
    pytest.importorskip("ray")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        if listens:
            bound.listen()
        address = f"{scheme}127.0.0.1:{bound.getsockname()[1]}"
        assert main(["run", "x.toml", "--executor", "ray", "--address", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --address {address}: no Ray cluster answers (") and not Path("results").exists()


def test_a_base_model_is_made_on_this_machine(capsys):
    assert main(["run", "base.toml", "--executor", "ray"]) == 2
    assert "--executor: has no effect here" in capsys.readouterr().err


def test_resources_without_a_cluster_are_a_note(capsys):
    assert main(["run", "x.toml", "--dry-run", "--set", "resources.cpus=2"]) == 0
    printed = capsys.readouterr()
    assert "note: resources are for --executor ray; here --workers decides" in printed.err
    assert "[resources]\ncpus = 2\n" in printed.out


def test_a_dry_run_says_that_it_does_not_know_the_cluster(capsys):
    assert main(["run", "x.toml", "--dry-run", "--executor", "ray"]) == 0
    note = "note: --dry-run does not connect to Ray; its time and memory are those of this machine, run after run"
    assert note in capsys.readouterr().err.splitlines()
