"""Who is told of verdicts: metrics, and the host's ``on_verdict``.

Both are sinks, called on the comparing thread. Counting is done there; the hook has
a thread of its own behind a bounded backlog, because it may do anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.backlog import Backlog
from gateway.compare.answer import Answer
from gateway.compare.verdict import Judged, Tally
from gateway.metrics import Metrics
from gateway.throttle import ThrottledLog

# What waits for a hook.
_MAX_VERDICTS = 1000
_MAX_BYTES = 8 * 1024 * 1024
_OVERHEAD = 4096


class CountVerdicts:
    """Counts them in the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, told: Judged | Tally) -> None:
        comparison = told.comparison
        number = told.number if isinstance(told, Tally) else 1
        self._metrics.verdict(
            told.shadow,
            comparison.verdict.value,
            comparison.reason,
            comparison.counts_as.value,
            number,
        )


class TellHost:
    """Tells ``on_verdict`` each comparison; what it cannot take is counted and left out.

    Threads: the comparing thread calls it, the hook runs on one of its own. No lock.
    """

    def __init__(self, on_verdict: Callable[[Judged], None], metrics: Metrics) -> None:
        self._on_verdict = on_verdict
        self._metrics = metrics
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._backlog = Backlog(
            "on-verdict", self._tell, max_items=_MAX_VERDICTS, max_bytes=_MAX_BYTES
        )

    def __call__(self, told: Judged | Tally) -> None:
        if isinstance(told, Tally):
            self._left_out(told.number)
        elif not self._backlog.put(told, _size(told)):
            self._left_out(1)

    def _left_out(self, number: int) -> None:
        self._metrics.hook_failed("on_verdict", number)

    def _tell(self, judged: Judged) -> None:
        try:
            self._on_verdict(judged)
        except BaseException as error:  # noqa: BLE001 - the boundary of a host's hook
            self._left_out(1)
            self._log.log(logging.ERROR, "on_verdict failed", exc_info=error)

    def close(self, timeout: float) -> None:
        """Tell what there is, for so long."""
        left = self._backlog.close(timeout)
        if left:
            self._left_out(len(left))

    def __repr__(self) -> str:
        return f"<TellHost {self._backlog!r}>"


def _size(judged: Judged) -> int:
    return _OVERHEAD + len(judged.request.body) + _body(judged.live) + _body(judged.answer)


def _body(answer: Answer | None) -> int:
    return len(answer.body) if answer is not None and answer.body is not None else 0
