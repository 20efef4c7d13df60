"""All of one process's recording, put together: the recorder, its middleware, its metrics."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.metrics import Metrics
from gateway.middleware.recording import Recording
from gateway.settings.model import Settings
from gateway.traffic.recorder import Recorder
from gateway.traffic.redacted import redacting
from gateway.traffic.switch import RecordSwitch

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication


class RecordingSide:
    """``switch``: what is asked for beside the settings. ``hold``: whether live needs all
    there is at the moment. ``tick`` is for a housekeeper.
    """

    def __init__(
        self,
        settings: Settings,
        switch: RecordSwitch | None,
        metrics: Metrics,
        hold: Callable[[], bool],
    ) -> None:
        config = settings.record
        self._metrics = metrics
        self._max_body = settings.request.max_body
        self._told: Counter[str] = Counter()
        folder = Path(config.folder or (switch.folder if switch is not None else "."))
        redact = redacting(settings.compare, (settings.authentication.key_field,))
        self.recorder = Recorder(config, redact, folder=folder, switch=switch, hold=hold)

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """``app``, whose exchanges are recorded."""
        return Recording(app, self.recorder, max_body=self._max_body)

    def tick(self) -> None:
        """Follow what was asked for, and tell what was recorded and lost."""
        self.recorder.refresh()
        recorded, lost = self.recorder.snapshot()
        counts = Counter({"": recorded, **lost})
        for reason, number in (counts - self._told).items():
            if reason:
                self._metrics.record_lost(reason, number)
            else:
                self._metrics.recorded(number)
        self._told = counts

    def close(self) -> None:
        """Write what there is, for a bounded time."""
        self.recorder.close()
        self.tick()

    def __repr__(self) -> str:
        return f"<RecordingSide {self.recorder!r}>"
