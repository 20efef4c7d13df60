"""Who may ask the admin listener: nobody's pages, and where it is asked for, those who prove it.

Health is open to all: probes have no secrets to give, and it tells nobody more than that
the gateway is up. Everything else may show what clients sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from gateway.admin.pages import refuse_foreign_pages
from gateway.auth.challenges import Challenges
from gateway.auth.directory import Directory
from gateway.auth.passwords import Passwords
from gateway.auth.presented import Presented, name_and_password
from gateway.auth.proof import NotProven, Proof, Reason, Scheme
from gateway.auth.watched import WatchedFile
from gateway.headers import Field
from gateway.settings.server import Server

KEY_FIELD = "X-Api-Key"
# Basic first: it is what a browser asks its user for.
_SCHEMES = (Scheme.BASIC, Scheme.API_KEY)
_OPEN = frozenset({"healthz", "readyz"})


class NotLetIn(HTTPException):
    """Nobody proved to be anybody. ``fields``: the ways to."""

    code = 401

    def __init__(self, detail: str, fields: list[Field]) -> None:
        super().__init__(detail)
        self.fields = tuple(fields)


class Guard:
    """Stands before all endpoints. ``refresh`` is to be called every second or so.

    Threads: any may check; one at a time refreshes, and may wait for a file. A check
    waits for nothing, or for a password's hash, a bounded time.
    """

    def __init__(
        self,
        config: Server,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = config.admin
        path = config.admin_credentials
        self._file = WatchedFile(Path(path), Directory.parse) if path else None
        self._open = _OPEN | {"metrics"} if config.admin_open_metrics else _OPEN
        self._presented = Presented(KEY_FIELD)
        self._passwords = passwords or Passwords()
        self._challenges = Challenges(_SCHEMES, "gateway admin", KEY_FIELD, ())
        self._clock = clock

    def check(self, environ: Mapping[str, Any], endpoint: str) -> str:
        """The name of who asks, "" for anybody. Raises ``HTTPException``."""
        is_open = endpoint in self._open
        # A page of a name that was rebound to our address has no credentials of ours, and
        # probes and scrapers go by any name.
        any_name = is_open or endpoint == "metrics" or self._file is not None
        refuse_foreign_pages(environ, self._address, any_name=any_name)
        if self._file is None or is_open:
            return ""
        try:
            return self._proof(environ, self._file.value).identity
        except NotProven as failure:
            if failure.reason in (Reason.UNAVAILABLE, Reason.BUSY):
                raise ServiceUnavailable(failure.detail) from None
            if failure.reason is Reason.MALFORMED:
                raise BadRequest(failure.detail) from None
            raise NotLetIn(failure.detail, self._challenges.fields(failure)) from None

    def _proof(self, environ: Mapping[str, Any], directory: Directory | None) -> Proof:
        scheme, credential = self._presented.find(environ, _SCHEMES)
        if directory is None:
            raise NotProven(Reason.UNAVAILABLE, "The credentials cannot be read.")
        if scheme is Scheme.API_KEY:
            return directory.by_key(credential, self._clock())
        check = partial(directory.by_password, passwords=self._passwords, now=self._clock())
        return check(*name_and_password(credential))

    def refresh(self) -> None:
        """Take a changed file."""
        if self._file is not None:
            self._file.refresh()

    def __repr__(self) -> str:
        return f"<Guard of {self._address} {self._file!r}>"
