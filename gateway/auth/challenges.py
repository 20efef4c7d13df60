"""``WWW-Authenticate``: how a client could prove who it is, and what was wrong with its token.

RFC 9110 section 11.6.1: a 401 has at least one. Each scheme has a field of its own,
since not every client can tell several in one apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gateway.auth.proof import NotProven, Reason, Scheme
from gateway.headers import Field

# RFC 6750 section 3.1.
_BEARER_ERRORS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.INVALID_TOKEN: "invalid_token",
        Reason.INSUFFICIENT_SCOPE: "insufficient_scope",
        Reason.MALFORMED: "invalid_request",
    }
)
# Proving it in another way would not help with these.
_NOT_ASKED_AGAIN = frozenset({Reason.INSUFFICIENT_SCOPE, Reason.MALFORMED})


class Challenges:
    """The challenges of one route."""

    def __init__(
        self, schemes: Iterable[Scheme], realm: str, key_field: str, scopes: Iterable[str]
    ) -> None:
        realm = f"realm={quoted(realm)}"
        # RFC 7617 section 2.1. There is no registered scheme for keys; ApiKey is in use.
        self._texts = {
            Scheme.API_KEY: f"ApiKey {realm}, field={quoted(key_field)}",
            Scheme.BASIC: f'Basic {realm}, charset="UTF-8"',
            Scheme.JWT: f"Bearer {realm}",
        }
        self._schemes = tuple(schemes)
        self._scope = f", scope={quoted(' '.join(scopes))}"

    def fields(self, failure: NotProven) -> list[Field]:
        """The fields of an answer to what proved nothing."""
        schemes = self._schemes
        if failure.reason in _NOT_ASKED_AGAIN:
            schemes = tuple(s for s in schemes if s is Scheme.JWT is failure.scheme)
        return [("WWW-Authenticate", self._text(scheme, failure)) for scheme in schemes]

    def _text(self, scheme: Scheme, failure: NotProven) -> str:
        text = self._texts[scheme]
        error = _BEARER_ERRORS.get(failure.reason)
        if scheme is not Scheme.JWT or failure.scheme is not scheme or error is None:
            return text
        text += f', error="{error}", error_description={quoted(failure.detail)}'
        return text + self._scope if failure.reason is Reason.INSUFFICIENT_SCOPE else text


def quoted(text: str) -> str:
    """A quoted-string (RFC 9110 section 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
