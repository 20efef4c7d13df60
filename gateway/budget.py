"""A bound on bytes held at once. Reserving never waits: there is room, or there is none."""

from __future__ import annotations

from threading import Lock


class ByteBudget:
    """``limit`` bytes for many holders.

    Threads: any thread may reserve and release. The lock guards one number and
    is held for an addition. Nothing blocks.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._lock = Lock()

    def reserve(self, size: int) -> bool:
        """Take ``size`` bytes if there is room for them."""
        with self._lock:
            if self._held + size > self.limit:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Give ``size`` bytes back."""
        with self._lock:
            self._held -= size

    @property
    def held(self) -> int:
        """Bytes reserved now."""
        return self._held

    def __repr__(self) -> str:
        return f"<ByteBudget {self._held} of {self.limit} bytes>"
