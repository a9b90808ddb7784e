"""One optimizer path for every objective, on transformers.Trainer."""
