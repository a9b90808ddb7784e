"""One command in several processes, started by torchrun or accelerate."""
