"""Where a host's hooks see a request before shadows do: ``should_mirror`` and ``rewrite``.

A stage before the pool, with a thread of its own: a hook that blocks forever keeps no
request waiting, takes no thread of the pool, and holds up no exit. Copies wait here in
a bounded backlog; when it is full, and where a hook raises, they are dropped: a copy
that was to be rewritten is never sent as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from gateway.backlog import Backlog
from gateway.hooks import Hooks
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from collections.abc import Sequence

# Told the request as it is to be sent, or why it is not: exactly one of the two.
Vetted = Callable[[Copy | None, Outcome], None]


class _Candidate:
    """A copy that waits for the hooks. Whoever claims it first says what becomes of it."""

    __slots__ = ("claimed", "copy", "vetted")

    def __init__(self, copy: Copy, vetted: Vetted) -> None:
        self.copy = copy
        self.vetted = vetted
        self.claimed = False


class Vetting:
    """Runs the hooks. ``max_copies`` and ``max_bytes``: what may wait for them.

    Threads: request threads offer, one thread of its own runs the hooks, one closes.
    The lock guards a candidate's ``claimed``, for an assignment. Only ``close`` waits.
    """

    def __init__(self, hooks: Hooks, *, max_copies: int, max_bytes: int) -> None:
        self._hooks = hooks
        self._lock = Lock()
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._backlog = Backlog("hooks", self._vet, max_items=max_copies, max_bytes=max_bytes)

    def offer(self, copy: Copy, vetted: Vetted) -> bool:
        """Take a copy: ``vetted`` is then called once, on another thread. False: no room."""
        return self._backlog.put(_Candidate(copy, vetted), len(copy.body))

    def _vet(self, candidate: _Candidate) -> None:
        try:
            copy = self._judged(candidate.copy)
        except BaseException as error:  # noqa: BLE001 - the boundary of a host's hooks
            self._log.log(logging.ERROR, "A hook failed", exc_info=error)
            self._settle(candidate, None, Outcome.DROPPED_HOOK_FAILED)
        else:
            self._settle(candidate, copy, Outcome.SKIPPED_HOOK)

    def _judged(self, copy: Copy) -> Copy | None:
        should_mirror, rewrite, _ = self._hooks
        if should_mirror is not None and not should_mirror(copy):
            return None
        if rewrite is None:
            return copy
        # Whatever it does to the request, it stays the same one.
        return _sendable(rewrite(copy))._replace(request_id=copy.request_id, trace=copy.trace)

    def _settle(self, candidate: _Candidate, copy: Copy | None, outcome: Outcome) -> None:
        with self._lock:
            claimed, candidate.claimed = candidate.claimed, True
        if not claimed:
            candidate.vetted(copy, outcome)

    def close(self, timeout: float) -> None:
        """Vet what there is, for so long; the rest is dropped."""
        for candidate in self._backlog.close(timeout):
            self._settle(candidate, None, Outcome.DROPPED_DRAINING)

    def __repr__(self) -> str:
        return f"<Vetting {self._backlog!r}>"


def _sendable(copy: Copy) -> Copy:
    """The hook's request, if it is one. Raises ``TypeError``."""
    if not isinstance(copy, Copy):
        raise TypeError(f"rewrite returned {type(copy).__name__}, not the request")
    texts: Sequence[object] = (copy.method, copy.target, *(t for f in copy.fields for t in f))
    if not isinstance(copy.body, bytes) or not all(isinstance(text, str) for text in texts):
        raise TypeError("rewrite returned a request whose body is not bytes, or fields not text")
    return copy
