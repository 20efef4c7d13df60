"""When each request is due: the recorded spacing, a multiple of it, an even rate, or at once."""

from __future__ import annotations


class Pace:
    """Hands out the due times, in seconds from the beginning.

    ``speed``: 2.0 is twice as fast as recorded, None as fast as may be. ``rate``: so many
    a second instead. ``max_pause``: a longer pause between two requests is made this long.
    """

    def __init__(
        self,
        *,
        speed: float | None = 1.0,
        rate: float | None = None,
        max_pause: float | None = None,
    ) -> None:
        self._speed = speed
        self._rate = rate
        self._max_pause = max_pause
        self._number = 0
        self._offset = 0.0
        self._last: float | None = None
        # Pauses that were made shorter.
        self.shortened = 0

    @property
    def timed(self) -> bool:
        """Whether there is a time to be late for."""
        return self._rate is not None or self._speed is not None

    def due(self, at: float) -> float:
        """When the request that was received ``at`` is sent. In the order they are sent."""
        if self._rate is not None:
            offset, self._number = self._number / self._rate, self._number + 1
            return offset
        last, self._last = self._last, at
        if self._speed is None or last is None:
            return self._offset
        pause = max(0.0, at - last)
        if self._max_pause is not None and pause > self._max_pause:
            pause, self.shortened = self._max_pause, self.shortened + 1
        self._offset += pause / self._speed
        return self._offset

    def __repr__(self) -> str:
        pace = f"{self._rate:g}/s" if self._rate is not None else f"speed {self._speed or 'max'}"
        return f"<Pace {pace}>"
