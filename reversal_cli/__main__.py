"""`python -m reversal_cli` is the same as `reversal`."""

from reversal_cli.cli import entry_point

entry_point()
