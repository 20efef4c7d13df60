"""Watches what mirroring costs live, and switches it off when that is over the budget.

Every two seconds, on the housekeeper's thread. All workers of a gateway look at the
same sums and come to the same conclusion; whoever comes to it first switches the
shadows off for all, by the switch that an operator has too. It stays off until somebody
switches it on again; what was measured before then is forgotten.

Not done here: deciding who is held out, and anything on the thread of a request but
a few additions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.control import Control
from gateway.isolation.board import Board
from gateway.isolation.difference import Difference, Interval, errors, latency
from gateway.isolation.sums import Groups
from gateway.isolation.window import Window
from gateway.metrics import Metrics
from gateway.settings.isolation import Isolation
from gateway.shadow.switch import Switch

_LOOK_SECONDS = 2.0

# Stands in the switch, so that whoever lists the shadows sees why they are off.
WHY = "isolation"

_log = logging.getLogger(__name__)


class IsolationState(NamedTuple):
    """What is known at one moment; intervals are at 95 %, None where there is nothing yet.

    ``latency``: seconds, ``errors``: a share (0 to 1), both mirrored less held-out.
    """

    groups: Groups
    latency: Interval | None
    errors: Interval | None
    exceeded: str | None


class Guard:
    """``shadows``: names of those that are switched off. ``shared``: the workers' folder.

    Threads: request threads call ``watch``; ``look`` and ``close`` are the housekeeper's,
    and may block on a small file.
    """

    def __init__(
        self,
        config: Isolation,
        shadows: Sequence[str],
        *,
        control: Control,
        metrics: Metrics,
        shared: Path | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._shadows = tuple(shadows)
        self._control = control
        self._metrics = metrics
        self._window = Window(config.window, config.longest, clock)
        self._board = Board(shared / "isolation" if shared else None)
        self._warned = False
        self._closed = False
        self._clock = clock
        self._next = clock()
        # Told of each request that could be mirrored, once it is answered.
        self.watch = self._window.add
        self.state = IsolationState(Groups(), None, None, None)

    def tick(self) -> None:
        """Look, if it is time to; for a housekeeper, at every tick."""
        now = self._clock()
        if now >= self._next and not self._closed:
            self._next = now + _LOOK_SECONDS
            self.look()

    def look(self) -> None:
        """Draw the conclusion, and act on it."""
        if self._is_off():
            self._window.clear()
        groups = self._board.exchange(self._window.groups())
        self.state = state = self._concluded(groups)
        self._metrics.isolation(
            groups.mirrored.requests, groups.held_out.requests, state.latency, state.errors
        )
        if state.exceeded is None:
            self._warned = False
        else:
            self._act(state)

    def _is_off(self) -> bool:
        return all(self._control.switch(name).why == WHY for name in self._shadows)

    def _concluded(self, groups: Groups) -> IsolationState:
        slower, failing = latency(groups), errors(groups)
        enough = groups.held_out.requests >= self._config.min_requests
        return IsolationState(
            groups,
            slower.interval() if slower else None,
            failing.interval() if failing else None,
            self._exceeded(slower, failing) if enough else None,
        )

    def _exceeded(self, slower: Difference | None, failing: Difference | None) -> str | None:
        config = self._config
        if slower and slower.exceeds(config.max_latency, config.confidence):
            return "latency"
        if failing and failing.exceeds(config.max_errors / 100, config.confidence):
            return "errors"
        return None

    def _act(self, state: IsolationState) -> None:
        if self._warned or self._is_off():
            return
        self._warned = True
        self._metrics.isolation_exceeded(state.exceeded or "")
        if self._config.action == "switch-off":
            for name in self._shadows:
                self._control.set(name, Switch(off=True, why=WHY))
            _log.error("MIRRORING IS SWITCHED OFF: %s %s", _told(state), _BACK)
        else:
            _log.warning("Mirroring costs live more than its budget: %s", _told(state))

    def close(self) -> None:
        """This worker ends: what it has measured ends with it."""
        self._closed = True
        self._board.leave()

    def __repr__(self) -> str:
        return f"<Guard {self._window!r}, {self.state.exceeded or 'nothing'} over the budget>"


_BACK = "Once the cause is gone: gateway shadow NAME --reset"


def _told(state: IsolationState) -> str:
    mirrored, held_out = state.groups
    parts = [f"{mirrored.requests} mirrored requests against {held_out.requests} held-out ones"]
    if state.latency is not None:
        parts.append(f"are {_range(state.latency, 1000, 'ms')} slower")
    if state.errors is not None:
        parts.append(f"and fail {_range(state.errors, 100, 'percentage points')} more")
    return " ".join(parts) + " (95 % intervals)."


def _range(interval: Interval, scale: float, unit: str) -> str:
    low, estimate, high = (bound * scale for bound in interval)
    return f"{estimate:.2f} {unit} ({low:.2f} to {high:.2f})"
