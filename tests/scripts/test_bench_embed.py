"""scripts/bench_embed.py prints what a mirror costs beside the bare application."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_embed.py"


def test_every_row_is_printed() -> None:
    """A run too short to mean anything, but one of everything."""
    command = [sys.executable, str(SCRIPT), "--requests", "5", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    rows = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert rows[0] == "bare application"
    assert "mirrored, 100 percent" in rows
    assert "mirrored, 0 percent" in rows
    assert rows[-3:] == [
        f"import of {name}" for name in ("MirrorMiddleware", "Settings", "Gateway")
    ]
    assert len(rows) == 11
