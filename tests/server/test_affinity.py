"""Which CPU a worker keeps to."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server import affinity
from gateway.server.affinity import chosen


@pytest.mark.parametrize(
    ("cpus", "workers", "taken", "cpu"),
    [
        pytest.param([0, 1], 2, [], 0, id="the first of two"),
        pytest.param([0, 1], 2, [0], 1, id="the second"),
        pytest.param([0, 1], 2, [1], 0, id="the second, when it is the other that stays"),
        pytest.param([3, 7], 4, [3, 7, 3], 7, id="two for each of those that are allowed"),
        pytest.param([0, 1], 3, [0, 1], None, id="one too many for as many on each"),
        pytest.param([0, 1], 3, [0, None], 1, id="the one too many is there already"),
        pytest.param([0, 1, 2, 3], 2, [], None, id="fewer workers than CPUs"),
        pytest.param([0], 2, [], None, id="one CPU"),
        pytest.param([], 2, [], None, id="nobody can tell"),
        pytest.param([0, 1], 1, [], None, id="one worker"),
    ],
)
def test_a_worker_gets_the_cpu_with_fewest(
    cpus: list[int], workers: int, taken: list[int | None], cpu: int | None
) -> None:
    """As many on each CPU; who is left over runs anywhere."""
    assert chosen(cpus, workers, taken) == cpu


class Arbiter:
    """What gunicorn's master has, and does with its workers."""

    def __init__(self, workers: int) -> None:
        self.num_workers = workers
        self.WORKERS: dict[int, Any] = {}
        self._age = 0
        self.fill()

    def fill(self) -> None:
        while len(self.WORKERS) < self.num_workers:
            self.spawn()

    def spawn(self) -> None:
        self._age += 1
        worker = SimpleNamespace(age=self._age)
        affinity.assign(self, worker)
        self.WORKERS[self._age] = worker

    def reload(self) -> None:
        """New ones first, then the old ones go, the oldest first."""
        for _ in range(self.num_workers):
            self.spawn()
        while len(self.WORKERS) > self.num_workers:
            del self.WORKERS[min(self.WORKERS)]


@given(
    st.integers(2, 4),
    st.integers(1, 9),
    st.lists(st.one_of(st.none(), st.integers(0, 8)), max_size=12),
)
def test_each_cpu_has_as_many_after_whatever_happened(
    cpus: int, workers: int, happened: list[int | None]
) -> None:
    """``happened``: the number of a worker that fails, or None for a reload."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affinity, "_allowed", lambda: set(range(cpus)))
        arbiter = Arbiter(workers)
        for which in happened:
            if which is None:
                arbiter.reload()
            else:
                del arbiter.WORKERS[sorted(arbiter.WORKERS)[which % workers]]
                arbiter.fill()
            used = Counter(affinity.of(worker) for worker in arbiter.WORKERS.values())
            left_over = workers - cpus * (workers // cpus)
            assert used.pop(None, 0) == left_over
            assert set(used.values()) <= {workers // cpus}
