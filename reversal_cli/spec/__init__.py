"""What an experiment is. Imports neither torch nor transformers."""
