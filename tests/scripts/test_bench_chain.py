"""scripts/bench_chain.py measures every middleware of the chain."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_prints_what_each_middleware_costs() -> None:
    """A row for each that settings can switch on, and one for all of them."""
    script = str(ROOT / "scripts" / "bench_chain.py")
    done = subprocess.run(
        [sys.executable, script, "--calls", "5", "--rounds", "1", "--markdown"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r"^\| ([^|]+) \| (-?[0-9.]+) \|$", done.stdout, re.MULTILINE))
    for part in (
        "metrics",
        "access log",
        "addresses",
        "security headers",
        "CORS",
        "compression, gzip",
        "authentication, API key",
        "rate limit, embedded",
        "validation, JSON Schema",
        "all of them, compression not asked for",
    ):
        assert part in rows
    assert float(next(iter(rows.values()))) > 0
