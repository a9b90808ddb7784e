"""Shares of an experiment's runs."""

import pytest

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.spec.loading import load_experiment
from reversal_cli.spec.share import parse_share

FILE = """
model.name = "tiny-llama"
[grid]
seed = [0, 1, 2]
[[runs]]
objective.name = "ntp"
[[runs]]
objective.name = "bico"
"""


@pytest.fixture
def experiment(tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(FILE)
    return load_experiment(path)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_shares_are_all_runs_once_and_differ_by_one_run_at_most(experiment, count):
    shares = [parse_share(f"{number}/{count}").of(experiment) for number in range(1, count + 1)]
    runs = [spec for share in shares for spec in (*share.baselines, *share.specs)]
    assert len(runs) == 7
    assert {spec.digest for spec in runs} == {spec.digest for spec in (*experiment.baselines, *experiment.specs)}
    assert [spec for share in shares for spec in share.baselines] == list(experiment.baselines)
    sizes = {len(share.baselines) + len(share.specs) for share in shares}
    assert max(sizes) - min(sizes) <= 1


def test_a_share_without_a_run_is_refused(experiment):
    with pytest.raises(ReversalError, match="--only: found 8/8; expected at most 7 shares"):
        parse_share("8/8").of(experiment)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", "1.5/3", "", "٢/٣"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ReversalError, match="expected K/N with K from 1 to N"):
        parse_share(text)


def test_two_shares_make_the_tables_of_the_whole(llama_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = [
        "dataset.generator.entities=2",
        "training.epochs=1",
        "training.device=cpu",
        "evaluation.max_new_tokens=3",
        "evaluation.likelihood=false",
        "evaluation.controls=false",
        "grid.seed=[0,1]",
    ]
    (tmp_path / "file.toml").write_text(f'name = "shared"\n[model]\nname = "{llama_checkpoint}"\n')
    command = ["run", "file.toml", *(word for setting in settings for word in ("--set", setting))]
    for share in ("1/2", "2/2"):
        assert main([*command, "--only", share]) == 0
        assert f"share {share} is complete" in capsys.readouterr().err
        assert not (tmp_path / "results/shared/accuracy.md").exists()
    assert main([*command, "--only", "1/2"]) == 0  # nothing is left to do
    capsys.readouterr()
    assert main(["report", "results", "--out", "of-shares"]) == 0
    assert main(command) == 0
    tables = [(tmp_path / folder / "accuracy.csv").read_text() for folder in ("of-shares", "results/shared")]
    assert sorted(tables[0].splitlines()) == sorted(tables[1].splitlines())  # in the order in which they were begun
