"""Several processes write one store at the same time, and the sums are right."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

from gateway.store.reader import open_reader

PROCESSES, EACH = 4, 600


def test_the_sums_are_those_of_all(url: str) -> None:
    """Verdicts, groups, money, traffic; and bounds hold for all together."""
    commands = [
        [sys.executable, "-W", "error", "-m", "tests.store.writing", url, str(EACH), f"p{name}-"]
        for name in range(PROCESSES)
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    done = [(process, *process.communicate(timeout=60)) for process in running]
    assert [process.returncode for process, _, _ in done] == [0] * PROCESSES, done
    assert all(int(out) > 2 for _, out, _ in done), done
    number = PROCESSES * EACH
    with open_reader(url) as reader:
        summary = reader.summary()
        assert (summary.counts.match, summary.counts.differs) == (number // 2, number // 2)
        assert summary.live_requests == number
        assert summary.latency.live.number == number
        groups = reader.groups().groups
        assert len(groups) == 3
        assert sum(group.number for group in groups) == number // 2
        assert all(len(reader.examples(group.id)) == 4 for group in groups)
        assert sum((each.total for each in reader.drift()), Decimal()) == Decimal("0.1") * number
        # Fewer at midnight: there are two days then, and a limit for each.
        assert 40 <= len(reader.pairs().pairs) <= 100
        assert reader.health().lost == {}
