"""All of one process's comparison, put together: from captured halves to told verdicts."""

from __future__ import annotations

from collections.abc import Callable

from gateway.compare.comparer import Comparer
from gateway.compare.telling import CountVerdicts, TellHost
from gateway.compare.thread import Comparisons
from gateway.compare.verdict import Sink
from gateway.hooks import Hooks
from gateway.metrics import Metrics
from gateway.settings.model import Settings

# What a stopping worker grants to comparing what is left, and to telling the host.
_COMPARE_SECONDS = 2.0
_TELL_SECONDS = 0.5


class ComparisonSide:
    """``sinks``: told of every verdict; whoever stores them adds itself before the first one.

    ``hold``: whether live needs all there is at the moment.
    """

    def __init__(
        self, settings: Settings, *, hooks: Hooks, metrics: Metrics, hold: Callable[[], bool]
    ) -> None:
        config = settings.compare
        self._metrics = metrics
        self.sinks: list[Sink] = [CountVerdicts(metrics)]
        self._host = TellHost(hooks.on_verdict, metrics) if hooks.on_verdict is not None else None
        if self._host is not None:
            self.sinks.append(self._host)
        self.comparisons = Comparisons(
            _comparer(settings).compare,
            self.sinks,
            max_body=config.max_body,
            max_bytes=config.max_bytes,
            max_queue=config.max_queue,
            share=config.cpu_percent / 100,
            hold=hold,
        )

    def publish(self) -> None:
        """For a housekeeper, at every tick."""
        self.comparisons.tell_bare()
        waiting = self.comparisons.snapshot().waiting
        self._metrics.comparison(waiting, self.comparisons.budget.held)

    def close(self) -> None:
        """Compare and tell what is left, for a bounded time."""
        self.comparisons.close(_COMPARE_SECONDS)
        if self._host is not None:
            self._host.close(_TELL_SECONDS)

    def __repr__(self) -> str:
        return f"<ComparisonSide {self.comparisons!r}>"


def _comparer(settings: Settings) -> Comparer:
    own = [(route.path, route.methods, route.compare) for route in settings.routes]
    return Comparer(settings.compare, own)
