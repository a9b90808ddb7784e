"""Commands killed at random points and run again: every file is that of an undisturbed command."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "kill_points.py"


def test_nothing_is_lost_at_twenty_points():
    short = [f"--only={name}" for name in ("generate", "finetune lora", "eval", "report")]
    # A process of its own: one that is copied must have no threads, and this one may have some.
    done = subprocess.run(
        [sys.executable, SCRIPT, "--points", "20", *short], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"points": 20, "lost": 0}
