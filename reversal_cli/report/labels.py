"""A run in words: its settings and its weights."""

from reversal_cli.runs.records import Manifest, StoredSpec, StoredTransform
from reversal_cli.spec.decisive import decides


def settings_label(spec: StoredSpec) -> str:
    """The settings that most often differ between runs, in words: `lora r=32, 10 of 20 epochs, batch 4, lr 2e-05`."""
    start = ["random weights"] if spec.model.init == "random" else []
    if not spec.objective.trains:
        return ", ".join([*start, "untrained"])
    training, stop = spec.training, spec.training.stop_after_epochs
    tuning = f"lora r={training.lora.r}" if training.tuning == "lora" and training.lora else training.tuning
    epochs = f"{stop} of {training.epochs} epochs" if stop else f"{training.epochs} epochs"
    epochs = epochs if training.token_budget is None else f"{training.token_budget:,} tokens"
    options = [
        f"{key}={value}"
        for key, value in spec.objective.content().items()
        if key != "name" and decides(f"objective.{key}", value, spec.objective.name)
    ]
    if spec.transform.name != StoredTransform().name:
        given = spec.transform.content().items()
        options += [f"transform {spec.transform.name}", *(f"{key}={value}" for key, value in given if key != "name")]
    batch = f"batch {training.batch_size}"
    return ", ".join([*start, tuning, epochs, batch, f"lr {training.learning_rate:g}", *options])


def weights_label(manifest: Manifest) -> str:
    """`tiny.gguf (Q4_1, dequantized)`, or the hub where a preset has other weights too; empty for any other model."""
    gguf = (manifest.model or {}).get("gguf")
    if isinstance(gguf, dict):
        return f"{gguf.get('file')} ({gguf.get('quantization')}, dequantized)"
    return "the hub's" if manifest.spec.model.source == "hub" else ""
