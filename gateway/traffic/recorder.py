"""Takes exchanges with live off the requests' threads, and has them written to files.

On the request's thread: whether it is one of those to be recorded, and references to
what went past. Redacting, encoding, compressing and writing is done on one thread of
its own, and so is waiting for the disk. What has no room meanwhile, and what a full
disk does not take, is lost and counted: live never notices.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from gateway.backlog import Backlog
from gateway.budget import ByteBudget
from gateway.compare.answer import Answer
from gateway.compare.capture import Bounds, Capture
from gateway.routes import Matcher, canonical_path
from gateway.settings.record import Record
from gateway.shadow.copy import Copy
from gateway.shadow.sampling import Sampler
from gateway.target import path_of
from gateway.throttle import ThrottledLog
from gateway.traffic.archive import Archive
from gateway.traffic.line import line_of
from gateway.traffic.packing import packing_for
from gateway.traffic.recorded import Recorded
from gateway.traffic.switch import RecordSwitch, Run

# A part of a file: so much text, or what came in so much time. What a kill costs.
_PART_BYTES = 256 * 1024
_PART_SECONDS = 1.0
# Of one CPU; redacting and encoding hold the interpreter lock.
_SHARE = 0.25
_MAX_WAITING = 10_000
_CLOSE_SECONDS = 2.0

Redact = Callable[[Recorded], Recorded]


class RecorderSnapshot(NamedTuple):
    """Counters. ``lost``: by reason, see ``docs/record-replay.md``."""

    recorded: int
    lost: Mapping[str, int]


class _Series(NamedTuple):
    """A turn in the recorder's backlog: the next files are this run's, or nobody's."""

    run: Run | None


class _Flush(NamedTuple):
    """A turn: write what there is."""


class Recorder:
    """The gateway's end of the archives.

    ``redact``: makes an exchange fit to be written; what it raises costs that exchange.
    ``folder``: for the files. ``switch``: what is asked for beside the settings.
    ``hold``: whether live needs all there is now.

    *Threads*: requests' threads open and finish; the housekeeper refreshes; the backlog's
    thread encodes and writes, and alone touches the archive; one closes. The lock guards
    the counters, for an addition. Only ``close`` waits.
    """

    def __init__(
        self,
        config: Record,
        redact: Redact,
        *,
        folder: Path,
        switch: RecordSwitch | None = None,
        hold: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ``LookupError`` where ``config.compression`` is not installed."""
        self._config = config
        self._redact = redact
        self._folder = folder
        self._packing = packing_for(config.compression)
        self._switch = switch
        self._clock = clock
        self._matcher = Matcher(config.routes, config.methods)
        self._sampler = Sampler(config.sample_by, "record")
        room = config.max_buffered // 2  # for what is in progress, and as much for what waits
        self._bounds = Bounds(ByteBudget(room), config.max_body)
        self._backlog: Backlog[Recorded | _Series | _Flush] = Backlog(
            "recorder", self._work, max_items=_MAX_WAITING, max_bytes=room, share=_SHARE, hold=hold
        )
        self._log = ThrottledLog(logging.getLogger(__name__))
        # The share recorded now. Read by every request, replaced whole.
        self.percent = config.percent
        self._run: Run | None = None
        # What of the run's bytes is written, and the run that has used them all up.
        self._written = 0
        self._used_up = ""
        # The run that the files being written belong to.
        self._writing: Run | None = None
        self._archive = self._series()
        self._lines: list[bytes] = []
        self._pending = 0
        self._flush_at = 0.0
        self._lock = Lock()
        self._recorded = 0
        self._lost: Counter[str] = Counter()

    def _series(self) -> Archive:
        config, run = self._config, self._writing
        return Archive(
            self._folder,
            self._packing,
            max_file=config.max_file,
            max_files=config.max_files,
            label=run.id if run is not None else "",
        )

    # -- requests' threads ---------------------------------------------------------------

    def open(self, request: Copy) -> Capture | None:
        """A capture for live's answer, if this request is one of those to be recorded."""
        if not self._sampler.admits(request, self.percent):
            return None
        path = canonical_path(path_of(request.target))
        if not (self._matcher.covers_path(path) and self._matcher.covers_method(request.method)):
            return None
        if len(request.body) > self._config.max_body:
            self._lose("too_large")
            return None
        return Capture(self._bounds)

    def finish(
        self, capture: Capture, request: Copy, route: str, at: float, *, ended: bool
    ) -> None:
        """Live's answer came to its end, or did not. Gives back what the capture holds."""
        try:
            answer = capture.answer() if ended else None
        finally:
            capture.give_up()
        if answer is None or isinstance(answer, Answer):
            self.put(Recorded(request, answer, at, route))
        else:
            self._lose("no_room")

    def put(self, recorded: Recorded) -> None:
        """Take an exchange, or count it as lost. Never waits."""
        if not self._backlog.put(recorded, recorded.size):
            self._lose("no_room")

    def _lose(self, reason: str, count: int = 1) -> None:
        with self._lock:
            self._lost[reason] += count

    # -- the housekeeper's thread --------------------------------------------------------

    def refresh(self) -> None:
        """Follow what was asked for, and see to it that what waits is written."""
        if self._switch is not None:
            self._switch.refresh()
        run = self._switch.run if self._switch is not None else None
        if run is not None and run.id == self._used_up:
            run = None
        if run != self._run and self._backlog.put(_Series(run)):
            self._run = run
        percent = self._config.percent if self._config.folder is not None else 0.0
        self.percent = max(percent, self._run.percent) if self._run is not None else percent
        if self._lines and self._clock() >= self._flush_at:
            self._backlog.put(_Flush())

    # -- the backlog's thread ------------------------------------------------------------

    def _work(self, turn: Recorded | _Series | _Flush) -> None:
        if isinstance(turn, Recorded):
            self._add(turn)
        else:
            self._write()
        if isinstance(turn, _Series):
            self._archive.close()
            self._writing, self._written = turn.run, 0
            self._archive = self._series()

    def _add(self, recorded: Recorded) -> None:
        try:
            line = line_of(self._redact(recorded))
        except Exception as error:  # noqa: BLE001 - the boundary of redaction: nothing raw is written
            self._lose("redaction")
            self._log.log(logging.ERROR, "An exchange could not be redacted", exc_info=error)
            return
        if not self._lines:
            self._flush_at = self._clock() + _PART_SECONDS
        self._lines.append(line)
        self._pending += len(line)
        if self._pending >= _PART_BYTES:
            self._write()

    def _write(self) -> None:
        lines, self._lines, self._pending = self._lines, [], 0
        if not lines:
            return
        try:
            self._written += self._archive.write(lines)
        except OSError as error:
            self._lose("disk", len(lines))
            text = "%d exchanges could not be written to %s: %s"
            self._log.log(logging.WARNING, text, len(lines), self._folder, error)
        else:
            with self._lock:
                self._recorded += len(lines)
        run = self._writing
        if run is not None and self._written >= run.max_bytes:
            self._used_up = run.id

    def close(self, timeout: float = _CLOSE_SECONDS) -> None:
        """Write what there is, for so long; the rest is lost."""
        left = self._backlog.close(timeout)
        self._lose("stopped", sum(isinstance(turn, Recorded) for turn in left))
        if not left:
            self._write()
            self._archive.close()

    def snapshot(self) -> RecorderSnapshot:
        """The counters at one moment."""
        with self._lock:
            return RecorderSnapshot(self._recorded, dict(self._lost))

    def __repr__(self) -> str:
        told = self.snapshot()
        lost = sum(told.lost.values())
        return f"<Recorder {self.percent:g} % [{told.recorded} recorded, {lost} lost]>"
