"""Small checkpoints on disk, made anew for each test session: what `--model FOLDER` gets."""

import gc
import signal

import pytest
import torch
from checkpoints import save_checkpoint, save_glm
from transformers import (
    Glm4Config,
    Glm4ForCausalLM,
    GlmConfig,
    GlmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Models so small gain nothing by more, and lose much where something else wants the cores, such as other workers:
    the threads wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def quick_garbage_collection():
    """accelerate calls gc.collect() after each training: what is frozen, all of torch, is not visited."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Ctrl-C interrupts, also where a shell has started the tests in the background, in which it is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Tables as in a wide terminal, whatever the width that a test runner claims for its workers."""
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path_factory):
    """Nothing that this user's own commands have kept."""
    monkeypatch.setenv("REVERSAL_CACHE", str(tmp_path_factory.getbasetemp() / "empty-cache"))


@pytest.fixture(scope="session")
def llama_checkpoint(tmp_path_factory) -> str:
    """A random Llama of 35 thousand parameters."""
    return save_checkpoint(tmp_path_factory.mktemp("llama"), LlamaConfig, LlamaForCausalLM, bos=True)


@pytest.fixture(scope="session")
def qwen_checkpoint(tmp_path_factory) -> str:
    """A random Qwen 2; its tokenizer has no bos."""
    return save_checkpoint(tmp_path_factory.mktemp("qwen"), Qwen2Config, Qwen2ForCausalLM, bos=False)


@pytest.fixture(scope="session")
def glm4_checkpoint(tmp_path_factory) -> str:
    """A random GLM-4: interleaved rotary positions on half of each head."""
    folder = tmp_path_factory.mktemp("glm4")
    return save_checkpoint(
        folder, Glm4Config, Glm4ForCausalLM, bos=True, head_dim=8, partial_rotary_factor=0.5, attention_bias=True
    )


@pytest.fixture(scope="session")
def glm4_9b_checkpoint(tmp_path_factory) -> str:
    """A random model of the class of glm-4-9b, whose model type is that of the GLM of 2022 and which knows blanks."""
    folder = tmp_path_factory.mktemp("glm4_9b")
    return save_checkpoint(folder, GlmConfig, GlmForCausalLM, bos=False, glm4=True, head_dim=8)


@pytest.fixture(scope="session")
def glm_checkpoint(tmp_path_factory) -> str:
    """A random GLM of 2022 with GPT-2's kind of tokenizer."""
    return save_glm(tmp_path_factory.mktemp("glm2022"))


@pytest.fixture(params=["llama", "qwen", "glm4"])
def checkpoint(request) -> str:
    """Each kind of checkpoint in turn."""
    return request.getfixturevalue(f"{request.param}_checkpoint")
