"""scripts/bench_stalled.py shows live beside a shadow that stalls."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_prints_live_with_and_without_a_stalled_shadow() -> None:
    """Requests on one connection and an upload, each side by side."""
    script = str(ROOT / "scripts" / "bench_stalled.py")
    done = subprocess.run(
        [sys.executable, script, "--rounds", "2"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(.*?)  +[0-9.]+, P95 [0-9.]+ +[0-9.]+, P95 [0-9.]+$", done.stdout, re.M)
    assert rows == ["1st request", "2nd, same connection", "3rd, same connection", "upload"]
