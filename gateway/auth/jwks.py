"""An issuer's keys, fetched from its JWKS URL beside the path of requests.

They are fetched by a thread of its own: at the start, then every ``refresh_seconds``, and
when a token names a key that is not among them, but then at a bounded rate: tokens are
made up by whoever likes. A fetch that fails changes nothing but the log; the keys in use
are the last ones that came.

Only two kinds of requests ever wait, a bounded time and a few at once: those that come
before the first keys, and those that bring a new ``kid`` just when it is being looked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread

from gateway.auth.keyset import KeySet, from_jwks
from gateway.signals import leave_signals_to_host
from gateway.waiting import Gate

_log = logging.getLogger(__name__)


class RemoteKeys:
    """Keys from a URL.

    ``fetch``: gets the document, bounded in time and size; raises ``OSError`` or
    ``ValueError``. ``cooldown``: least seconds from one fetch to the next that a
    token asks for. ``patience``: seconds a request waits for a fetch.

    Threads: ``keys`` and ``newer`` from any; ``refresh`` from the housekeeper; one
    fetching thread at a time. The lock guards the fields; waiting is bounded in time
    and number, and neither that nor the fetch itself holds it.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        *,
        name: str,
        refresh_seconds: float = 600.0,
        cooldown: float = 30.0,
        patience: float = 2.0,
        waiting: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._name = name
        self._refresh_seconds = refresh_seconds
        self._cooldown = cooldown
        self._patience = patience
        self._places = waiting
        self._clock = clock
        self._lock = Lock()
        self._gates: list[Gate] = []
        self._keys: KeySet | None = None
        self._document = b""
        self._thread: Thread | None = None
        self._began: float | None = None
        self._failures = 0
        self._closed = False

    @property
    def keys(self) -> KeySet | None:
        """The keys in use; None before the first came."""
        return self._keys

    @property
    def problem(self) -> bool:
        """Whether the last fetch failed."""
        return self._failures > 0

    def refresh(self) -> None:
        """Fetch if it is time to."""
        with self._lock:
            if self._began is None or self._clock() - self._began >= self._pause():
                self._start()

    def _pause(self) -> float:
        """From one fetch to the next; after failures sooner, but not at once."""
        if not self._failures:
            return self._refresh_seconds
        return min(self._refresh_seconds, self._cooldown, 2.0 ** min(self._failures - 1, 10))

    def newer(self, than: KeySet | None) -> KeySet | None:
        """Keys for a token that ``than`` has none for: perhaps the same, if waiting is no use."""
        with self._lock:
            wanted = self._keys is than and len(self._gates) < self._places and self._wanted()
            if not wanted:
                return self._keys
            gate = Gate()
            self._gates.append(gate)
        gate.wait(self._patience)
        with self._lock:
            if not gate.open:
                self._gates.remove(gate)
            return self._keys

    def _wanted(self) -> bool:
        """Start a fetch unless the last was just now; whether one is under way."""
        pause = self._cooldown if self._keys is not None else self._pause()
        if self._thread is None and (self._began is None or self._clock() - self._began >= pause):
            self._start()
        return self._thread is not None

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._began = self._clock()
            # A daemon: a fetch that hangs must not keep a process from exiting.
            self._thread = Thread(target=self._run, name="gateway-jwks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        leave_signals_to_host()
        keys, document, problem = None, b"", "an error of the gateway's own"
        try:
            document = self._fetch()
            keys = from_jwks(document, secrets=False)
        except (OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
        finally:
            self._fetched_this(keys, document, problem)

    def _fetched_this(self, keys: KeySet | None, document: bytes, problem: str) -> None:
        with self._lock:
            # The same keys stay the same object: what was verified with them counts on.
            changed = keys is not None and document != self._document
            if changed:
                self._keys, self._document = keys, document
            self._failures = 0 if keys is not None else self._failures + 1
            self._thread = None
            for gate in self._gates:
                gate.let_pass()
            self._gates.clear()
        if changed:
            _log.info("Keys from %s: %r", self._name, keys)
        elif keys is None:
            kept = "there are none" if self._keys is None else f"in use is {self._keys!r}"
            _log.error("No keys from %s; %s: %s", self._name, kept, problem)

    def close(self, timeout: float = 1.0) -> None:
        """Fetch no more, and wait a bounded time for a fetch that is under way."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def __repr__(self) -> str:
        return f"<RemoteKeys {self._name} {self._keys!r} {self._failures} failures in a row>"
