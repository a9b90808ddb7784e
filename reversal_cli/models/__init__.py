"""Networks and checkpoints: the model families, loading, attention, adapters."""
