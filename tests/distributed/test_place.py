"""Which process this is: numbers of a launcher, and one line for anything else."""

import pytest

from reversal_cli.cli import _run
from reversal_cli.errors import ReversalError
from reversal_cli.processes.place import Place, is_first, place, refuse_small_batch, shards_weights

LAUNCHED = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in LAUNCHED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_place_is_that_of_the_launcher(launched):
    assert place() == Place(rank=1, processes=2, local_rank=0)
    assert not is_first()


@pytest.mark.parametrize("processes", ["0", "1", "01"])
def test_a_single_process_is_the_first(monkeypatch, processes):
    monkeypatch.setenv("WORLD_SIZE", processes)
    assert place() == Place(rank=0, processes=1, local_rank=0) and is_first()


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_what_a_launcher_sets_is_missed_by_name(launched, name):
    launched.delenv(name)
    with pytest.raises(ReversalError, match=f"^{name}: is not set beside WORLD_SIZE=2; expected both; start"):
        place()


@pytest.mark.parametrize(
    ("name", "value"), [("RANK", "2"), ("RANK", "x"), ("LOCAL_RANK", "-1"), ("ACCELERATE_USE_DEEPSPEED", "true")]
)
def test_what_no_launcher_sets_is_one_line(launched, name, value):
    launched.setenv(name, value)
    with pytest.raises(ReversalError, match=f"^{name}: found '?{value}'?; expected"):
        place()


def test_weights_are_shared_out_with_version_2_alone(launched):
    assert not shards_weights()
    launched.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ReversalError, match=r"^FSDP_VERSION: found 1; expected 2; start it with --fsdp_version 2$"):
        shards_weights()
    launched.setenv("FSDP_VERSION", "2")
    assert shards_weights()
    launched.setenv("FSDP_OFFLOAD_PARAMS", "true")
    with pytest.raises(ReversalError, match=r"^FSDP_OFFLOAD_PARAMS: found true; expected false; start"):
        shards_weights()


def test_one_process_has_nobody_to_share_weights_with(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ReversalError, match=r"^ACCELERATE_USE_FSDP: found true for one process; expected several"):
        place()


def test_a_batch_has_a_row_for_each_process(launched):
    refuse_small_batch(2)
    with pytest.raises(ReversalError, match=r"^training.batch_size: found 1; expected at least 2, a row for each"):
        refuse_small_batch(1)


@pytest.mark.parametrize("command", ["bench", "compare", "export", "generate", "list", "pretrain", "report", "run"])
def test_a_command_that_shares_no_work_is_refused(launched, command):
    code, line = _run([command, "x"])
    assert code == 2 and line.startswith(f"error: WORLD_SIZE: found 2 processes for `reversal {command}`; expected one")
    assert ("--workers" in line) == (command == "run")
