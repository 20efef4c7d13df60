"""Where the dashboard's figures come from, and why there are none where there are none.

The store may not be there yet, may be away for a while, or be switched off: each is said
in words that tell what to do, and asked again the next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from gateway.known.register import Register, RegisterError
from gateway.known.standing import Standing, standing, today_of, unmeasured
from gateway.settings import Settings
from gateway.settings.store import store_url
from gateway.store.errors import StoreError, StoreMissing
from gateway.store.url import missing_packages

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# For so long what entries are worth is not asked again, unless the file has changed.
_FRESH_SECONDS = 2.0


class Unavailable(Exception):
    """There are no figures now. ``word``: why, for programs; the text is for people.

    ``waiting``: this is how a gateway begins, and no fault.
    """

    def __init__(self, word: str, text: str, *, waiting: bool = False) -> None:
        super().__init__(text)
        self.word = word
        self.text = text
        self.waiting = waiting


class Source:
    """The store and the register of one gateway.

    Threads: any may ask. The lock guards opening the store and what is remembered of the
    register; the former may wait for a database, and then all who ask wait with it.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.url = store_url(settings.store)
        path = settings.compare.known
        self.register_path = Path(path) if path else None
        self.clock = clock
        self._lock = Lock()
        self._reader: Reader | None = None
        self._known: tuple[object, float, Standing] | None = None

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """The reader. Raises ``Unavailable``, also for what goes wrong while it is used."""
        try:
            yield self._opened()
        except StoreMissing as error:
            text = "No exchange has been compared yet. The first ones appear here within seconds."
            raise Unavailable("empty", text, waiting=True) from error
        except StoreError as error:
            text = f"The store cannot be read now: {error}. Live traffic is not affected."
            raise Unavailable("store", text) from error

    def _opened(self) -> Reader:
        if self.url is None:
            text = 'Figures are not kept: the settings say store.url = "off".'
            raise Unavailable("off", text)
        missing = missing_packages(self.url)
        if missing is not None:
            text = f"The store needs more packages: {missing}. Then start the gateway again."
            raise Unavailable("packages", text)
        with self._lock:
            if self._reader is None:
                module = import_module("gateway.store.reader")
                self._reader = module.open_reader(self.url, clock=self.clock)
            return self._reader

    def standing(self) -> Standing:
        """Known differences, and what they are worth now. Raises ``RegisterError``."""
        now = self.clock()
        key = (self._identity(), today_of(now))
        with self._lock:
            known = self._known
        if known is not None and known[0] == key and 0 <= now - known[1] < _FRESH_SECONDS:
            return known[2]
        found = self._standing(Register.load(self.register_path), now)
        with self._lock:
            self._known = (key, now, found)
        return found

    def _standing(self, register: Register, now: float) -> Standing:
        today = today_of(now)
        if not len(register):
            return unmeasured(register, today)
        try:
            with self.reading() as reader:
                return standing(register, reader, today)
        except Unavailable:
            return unmeasured(register, today)

    def standing_or_none(self) -> tuple[Standing, str]:
        """The same for a page: an empty register and the reason where it cannot be read."""
        try:
            return self.standing(), ""
        except RegisterError as error:
            return unmeasured(Register(), today_of(self.clock())), str(error)

    def _identity(self) -> tuple[int, ...] | None:
        """Which content the register's file has, without reading it."""
        if self.register_path is None:
            return None
        try:
            status = self.register_path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def close(self) -> None:
        """Let go of the store's connections."""
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def __repr__(self) -> str:
        return f"<Source {'open' if self._reader else 'not open'}, register {self.register_path}>"
