"""The one table from what a call to an upstream can raise to what it means.

Both sides use it: live answers the client with the refusal, a shadow's ledger
gets the outcome. An exception that is not in the table is our own fault.
"""

from __future__ import annotations

from enum import Enum
from http.client import HTTPException
from typing import NamedTuple

from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from gateway.errors import LiveBadAnswer, LiveBusy, LiveTimedOut, LiveUnreachable, Refusal
from gateway.shadow.outcome import Outcome
from gateway.transport import (
    AnswerCutShort,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    PoolExhausted,
)


class Failure(Enum):
    """How a call to an upstream failed."""

    CONNECT = "connect"
    CONNECT_TIMED_OUT = "connect_timed_out"
    READ_TIMED_OUT = "read_timed_out"
    RESET = "reset"
    BAD_ANSWER = "bad_answer"
    BUSY = "busy"
    INTERNAL = "internal"


# Most specific first: the first class that matches decides.
_TABLE: tuple[tuple[type[BaseException], Failure], ...] = (
    (requests_errors.ConnectTimeout, Failure.CONNECT_TIMED_OUT),
    (DeadlineExceeded, Failure.READ_TIMED_OUT),
    (requests_errors.ReadTimeout, Failure.READ_TIMED_OUT),
    (PoolExhausted, Failure.BUSY),
    (ConnectFailed, Failure.CONNECT),
    (requests_errors.SSLError, Failure.CONNECT),
    (requests_errors.ProxyError, Failure.CONNECT),
    (BadAnswer, Failure.BAD_ANSWER),
    (AnswerCutShort, Failure.RESET),
    (ConnectionLost, Failure.RESET),
    # What requests' own adapter raises for a broken or strange answer; ours over urllib3
    # (``transport.stock``) has turned it into one of those above.
    (requests_errors.ChunkedEncodingError, Failure.RESET),
    (requests_errors.ContentDecodingError, Failure.BAD_ANSWER),
    (requests_errors.InvalidHeader, Failure.BAD_ANSWER),
    (requests_errors.ConnectionError, Failure.RESET),
    (urllib3_errors.EmptyPoolError, Failure.BUSY),
    (urllib3_errors.ReadTimeoutError, Failure.READ_TIMED_OUT),
    (urllib3_errors.ProtocolError, Failure.RESET),
    (urllib3_errors.HTTPError, Failure.BAD_ANSWER),
    (HTTPException, Failure.BAD_ANSWER),
    (TimeoutError, Failure.READ_TIMED_OUT),
    (OSError, Failure.RESET),
)

# The roots of everything a call to an upstream raises when the upstream is at fault.
UPSTREAM_ERRORS = (
    requests_errors.RequestException,
    urllib3_errors.HTTPError,
    HTTPException,
    OSError,
)


def failure_of(error: BaseException) -> Failure:
    """What an exception of a call to an upstream means."""
    for known, failure in _TABLE:
        if isinstance(error, known):
            return _refined(error, failure)
    return Failure.INTERNAL


def _refined(error: BaseException, failure: Failure) -> Failure:
    # The stock adapter wraps "cannot connect" and "closed at once" in the same class.
    if failure is not Failure.RESET:
        return failure
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, urllib3_errors.NewConnectionError):
        return Failure.CONNECT
    if isinstance(reason, urllib3_errors.ReadTimeoutError):
        return Failure.READ_TIMED_OUT
    return failure


class _Meaning(NamedTuple):
    outcome: Outcome
    refusal: type[Refusal]
    detail: str


_MEANING = {
    Failure.CONNECT: _Meaning(
        Outcome.FAILED_CONNECT, LiveUnreachable, "No connection to the live upstream."
    ),
    Failure.CONNECT_TIMED_OUT: _Meaning(
        Outcome.FAILED_TIMED_OUT,
        LiveTimedOut,
        "The live upstream did not accept a connection in time (connect time-out).",
    ),
    Failure.READ_TIMED_OUT: _Meaning(
        Outcome.FAILED_TIMED_OUT,
        LiveTimedOut,
        "The live upstream did not answer in time (read time-out).",
    ),
    Failure.RESET: _Meaning(
        Outcome.FAILED_RESET,
        LiveUnreachable,
        "The live upstream closed the connection before it answered.",
    ),
    Failure.BAD_ANSWER: _Meaning(
        Outcome.FAILED_BAD_ANSWER,
        LiveBadAnswer,
        "The live upstream sent something that is not a valid HTTP answer.",
    ),
    Failure.BUSY: _Meaning(
        Outcome.FAILED_INTERNAL,
        LiveBusy,
        "All connections to the live upstream are in use; try again shortly.",
    ),
}


def outcome_of(error: BaseException) -> Outcome:
    """The ledger's outcome for a shadow call that raised."""
    meaning = _MEANING.get(failure_of(error))
    return meaning.outcome if meaning else Outcome.FAILED_INTERNAL


def refusal_of(error: BaseException) -> Refusal:
    """The answer a client gets when the call to live raised one of ``UPSTREAM_ERRORS``."""
    meaning = _MEANING.get(failure_of(error), _MEANING[Failure.BAD_ANSWER])
    return meaning.refusal(meaning.detail)
