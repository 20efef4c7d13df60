"""What can go wrong between the gateway and an upstream.

Every failure is one of ``requests``' own exceptions, so that whoever catches
those needs to know nothing of this package; the subclasses say more. Each has
``phase``: how far the call had come. In ``checkout`` and ``connect`` nothing of
the request has been sent, so the upstream provably did not act on it.

Not done here: turning a failure into an answer for a client (``failures.py``).
"""

from __future__ import annotations

from typing import Literal

from requests.exceptions import (
    ChunkedEncodingError,
    ConnectionError,
    ConnectTimeout,
    ReadTimeout,
    RequestException,
    SSLError,
)

Phase = Literal["checkout", "connect", "send", "head", "body"]


class TransportError(RequestException):
    """Root of this package's failures. ``phase``: how far the call had come."""

    def __init__(self, message: str, phase: Phase = "head") -> None:
        super().__init__(message)
        self.phase: Phase = phase

    @property
    def nothing_sent(self) -> bool:
        """Whether not one byte of the request can have reached the upstream."""
        return self.phase in {"checkout", "connect"}


class PoolExhausted(TransportError, ConnectionError):
    """Every connection to this upstream was busy for the whole checkout time."""


class ConnectFailed(TransportError, ConnectionError):
    """No connection: name not resolved, refused, unreachable, out of descriptors."""


class TlsFailed(ConnectFailed, SSLError):
    """The TLS handshake failed, or its certificates cannot be loaded."""


class ConnectTimedOut(TransportError, ConnectTimeout):
    """No connection within ``Timeouts.connect``."""


class ReadTimedOut(TransportError, ReadTimeout):
    """The upstream was silent (or read nothing) for ``Timeouts.read``."""


class DeadlineExceeded(ReadTimedOut):
    """``Timeouts.total`` has passed; ``phase`` says during what."""


class ConnectionLost(TransportError, ConnectionError):
    """Closed or reset before an answer began.

    ``unheard``: not a byte had come since the request was sent (no 1xx either).
    """

    def __init__(self, message: str, phase: Phase = "head", *, unheard: bool = True) -> None:
        super().__init__(message, phase)
        self.unheard = unheard


class BadAnswer(TransportError, ConnectionError):
    """Something that is not HTTP/1.x, or that could be read in two ways."""


class AnswerCutShort(TransportError, ChunkedEncodingError):
    """Closed or reset inside the body: what came of it is not the answer."""


class Expired(Exception):
    """Internal: a wait reached its deadline. ``Budget.expired`` gives it its name."""
