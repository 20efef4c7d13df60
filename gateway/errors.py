"""The one exception hierarchy. A family says what its catcher can do.

``SettingsError``: stop, and show the person every problem.
``Refusal``: answer the client with the status it carries (``problem.py``).

Failures of upstreams are ``requests``' own exceptions (see ``transport``);
``failures.py`` is the one table that maps them to refusals and ledger reasons.
"""

from __future__ import annotations

from collections.abc import Sequence


class GatewayError(Exception):
    """Root of everything Gateway raises on purpose."""


class SettingsError(GatewayError):
    """The settings cannot be used. Carries every problem found, not the first.

    ``problems``: texts, each naming file, key, value and what was expected.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Refusal(GatewayError):
    """A request the gateway answers itself.

    ``detail`` is shown to the client: it says what to do, and never repeats
    credentials or internals. ``headers`` go into the answer (``Retry-After``).
    """

    status = 500
    title = "Internal Server Error"

    def __init__(self, detail: str, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = tuple(headers)


class BadRequest(Refusal):
    """Malformed, or shorter than its Content-Length said."""

    status, title = 400, "Bad Request"


class MethodNotAllowed(Refusal):
    """A method that a proxy must not forward (RFC 9110 section 9.3.6 and 9.3.8)."""

    status, title = 405, "Method Not Allowed"


class LengthRequired(Refusal):
    """A chunked body behind a server that cannot say where it ends."""

    status, title = 411, "Length Required"


class BodyTooLarge(Refusal):
    """Larger than ``request.max_body``."""

    status, title = 413, "Content Too Large"


class UnsupportedCoding(Refusal):
    """A transfer coding other than chunked (RFC 9112 section 6.1)."""

    status, title = 501, "Not Implemented"


class LiveUnreachable(Refusal):
    """No connection to live, or it broke before an answer came."""

    status, title = 502, "Bad Gateway"


class LiveBadAnswer(Refusal):
    """Live answered with something that is not HTTP, or not safe to pass on."""

    status, title = 502, "Bad Gateway"


class LiveTimedOut(Refusal):
    """Live took longer than ``live.connect_timeout`` or ``live.read_timeout``."""

    status, title = 504, "Gateway Timeout"


class LiveBusy(Refusal):
    """All of ``live.pool_size`` connections are in use, and none came free in time."""

    status, title = 503, "Service Unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers=[("Retry-After", "1")])
