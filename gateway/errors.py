"""The one exception hierarchy. A family says what its catcher can do.

``SettingsError``: stop, and show the person every problem.
``Refusal``: answer the client with the status it carries (``problem.py``).

Failures of upstreams are ``requests``' own exceptions (see ``transport``);
``failures.py`` is the one table that maps them to refusals and ledger reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType


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

    # More members of the problem document (RFC 9457 section 3.2).
    members: Mapping[str, object] = MappingProxyType({})

    def __init__(self, detail: str, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = tuple(headers)


class BadRequest(Refusal):
    """Malformed, or shorter than its Content-Length said."""

    status, title = 400, "Bad Request"


class Unauthorized(Refusal):
    """No identity was proven. Its headers have a ``WWW-Authenticate`` for each way to."""

    status, title = 401, "Unauthorized"


class Forbidden(Refusal):
    """It is known who asks, and that they may not."""

    status, title = 403, "Forbidden"


class NotFound(Refusal):
    """A path that the API does not have."""

    status, title = 404, "Not Found"


class MethodNotAllowed(Refusal):
    """A method that a proxy must not forward (RFC 9110 section 9.3.6 and 9.3.8),
    or one that this route does not have."""

    status, title = 405, "Method Not Allowed"


class LengthRequired(Refusal):
    """A chunked body behind a server that cannot say where it ends."""

    status, title = 411, "Length Required"


class BodyTooLarge(Refusal):
    """Larger than ``request.max_body``, or than what validation looks into."""

    status, title = 413, "Content Too Large"


class UnsupportedMediaType(Refusal):
    """A content type, or a content coding, that this route does not take."""

    status, title = 415, "Unsupported Media Type"


class Unprocessable(Refusal):
    """Well-formed, but not what the schema says. ``errors``: where, and what was expected."""

    status, title = 422, "Unprocessable Content"

    def __init__(self, detail: str, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)
        self.members = MappingProxyType({"errors": self.errors})


class TooManyRequests(Refusal):
    """Over a limit. ``policies``: the names of those it is over.

    The type is that of draft-ietf-httpapi-ratelimit-headers-11 section 5.1.
    """

    status, title = 429, "Too Many Requests"

    def __init__(
        self, detail: str, policies: Sequence[str], headers: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__(detail, headers=headers)
        self.members = MappingProxyType(
            {
                "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "violated-policies": tuple(policies),
            }
        )


class LimitsUnknown(Refusal):
    """Nobody can tell now whether a request is over a limit."""

    status, title = 503, "Service Unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers=[("Retry-After", "1")])


class UnsupportedCoding(Refusal):
    """A transfer coding other than chunked (RFC 9112 section 6.1)."""

    status, title = 501, "Not Implemented"


class AuthenticationUnavailable(Refusal):
    """Nobody can tell now whether a credential is right."""

    status, title = 503, "Service Unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers=[("Retry-After", "1")])


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
