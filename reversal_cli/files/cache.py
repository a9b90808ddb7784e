"""The user's cache folder."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`REVERSAL_CACHE`, else `XDG_CACHE_HOME/reversal`, else `~/.cache/reversal`."""
    if own := os.environ.get("REVERSAL_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reversal"
