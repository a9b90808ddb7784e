"""A checkpoint of the hub where there is no network: one line at once, not half a minute of retries for each file."""

import pytest
from huggingface_hub import constants

from reversal_cli.errors import ReversalError
from reversal_cli.models import checkpoint
from reversal_cli.models.checkpoint import read_config, use_cache_if_offline
from reversal_cli.spec.experiment import ModelSpec


@pytest.fixture(autouse=True)
def undecided(monkeypatch, tmp_path):
    """A process that has not asked for the hub yet, and has nothing in its cache."""
    use_cache_if_offline.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("urllib.request.getproxies", dict)
    yield
    use_cache_if_offline.cache_clear()


def refuse(*_, **__):
    raise OSError("no route to host")


def test_a_hub_out_of_reach_is_asked_for_nothing(monkeypatch):
    monkeypatch.setattr(checkpoint.socket, "create_connection", refuse)
    with pytest.raises(ReversalError, match=r"no config\.json on this machine or on the hub, or the hub cannot be"):
        read_config(ModelSpec(name="org/model"))
    assert constants.is_offline_mode()


def test_behind_a_proxy_the_hubs_own_client_decides(monkeypatch):
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "http://proxy:3128"})
    monkeypatch.setattr(checkpoint.socket, "create_connection", refuse)
    use_cache_if_offline()
    assert not constants.is_offline_mode()
