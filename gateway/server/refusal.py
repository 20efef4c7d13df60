"""What the worker answers itself, before or instead of the application.

A malformed, late or oversized request never reaches the application, so the
answer is made here: ``application/problem+json`` (RFC 9457) and a close, since
what follows on the connection cannot be trusted.  Details are fixed texts: they
repeat nothing the client sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from gateway.errors import Refusal
from gateway.ids import new_request_id
from gateway.problem import problem_body

from .stock import (
    ConfigurationProblem,
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)

# RFC 9110 section 15, RFC 6585 for 431; http.HTTPStatus has older phrases before 3.13.
_TITLES = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}

# First match wins. The statuses are gunicorn's own (workers/base.py, handle_error);
# the application's bad headers derive from a client's bad headers there.
_PARSE_FAILURES: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    (
        (InvalidResponseHeader, InvalidResponseHeaderName, ConfigurationProblem),
        500,
        "The application failed.",
    ),
    ((LimitRequestLine,), 414, "The request line is too long."),
    ((LimitRequestHeaders,), 431, "The header section or one of its fields is too large."),
    ((ExpectationFailed,), 417, "The only expectation that can be met is 100-continue."),
    ((UnsupportedTransferCoding,), 501, "This transfer coding is not supported."),
    ((ParseException, NoMoreData), 400, "The request is not well-formed HTTP/1.1."),
)


class Refused(Refusal):
    """A refusal of the worker's own; the connection is closed after it."""

    def __init__(
        self, status: int, detail: str, *, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(detail, headers=headers)
        self.status = status
        self.title = _TITLES[status]


def refusal_for(error: BaseException) -> Refusal:
    """The answer a failed request gets: its own, its parser's status, or ``500``."""
    if isinstance(error, Refusal):
        return error
    for family, status, detail in _PARSE_FAILURES:
        if isinstance(error, family):
            return Refused(status, detail)
    return Refused(500, "The application failed.")


def as_answer(refusal: Refusal, *, with_body: bool = True, request_id: str | None = None) -> bytes:
    """The whole answer. ``with_body`` is False for ``HEAD`` (RFC 9110 section 9.3.2)."""
    body = problem_body(refusal, request_id or new_request_id())
    fields = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Date", formatdate(usegmt=True)),
        *refusal.headers,
        ("Connection", "close"),
    ]
    head = f"HTTP/1.1 {refusal.status} {refusal.title}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields)
    return head.encode("latin-1") + b"\r\n" + (body if with_body else b"")
