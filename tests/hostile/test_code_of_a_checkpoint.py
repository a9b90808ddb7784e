"""A checkpoint may bring code along; none of it runs."""

import json
import shutil
from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.models.loading import load_for_training
from reversal_cli.spec.experiment import ExperimentSpec


@pytest.mark.parametrize("model_type", ["llama", "its own"])
def test_its_code_is_not_run(llama_checkpoint, tmp_path, model_type):
    folder, ran = tmp_path / "checkpoint", tmp_path / "ran"
    shutil.copytree(llama_checkpoint, folder)
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    maps = {
        "config.json": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"},
        "tokenizer_config.json": {"AutoTokenizer": ["own.Own", None]},
    }
    for name, auto_map in maps.items():
        content = json.loads((folder / name).read_text()) | {"auto_map": auto_map}
        if name == "config.json":
            content["model_type"] = model_type
        (folder / name).write_text(json.dumps(content))
    spec = ExperimentSpec.model_validate({"name": "x", "model": {"name": str(folder)}, "objective": {"name": "ntp"}})
    if model_type == "llama":
        assert load_for_training(spec).model.config.model_type == "llama"
    else:
        with pytest.raises(ReversalError, match="code that comes with a checkpoint is never run"):
            load_for_training(spec)
    assert not Path(ran).exists()
