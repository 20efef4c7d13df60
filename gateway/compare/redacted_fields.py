"""Header fields and targets as they may be kept: names stay, secrets become digests."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.accesslog.redaction import ALWAYS_SECRET, Redaction
from gateway.compare.digests import Digests
from gateway.headers import Field

# Credentials whatever is configured; docs/comparison.md has the same list.
CREDENTIALS = ALWAYS_SECRET | {
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
    "proxy-authentication-info",
}
# URLs, whose query may have credentials in it.
_URLS = frozenset({"location", "content-location", "referer", "refresh", "link"})
_COOKIES = frozenset({"cookie", "set-cookie"})
_SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "dpop", "aws4-hmac-sha256"})


class FieldRedactor:
    """``names``: of fields, beside credentials. ``parameters``: of queries and forms."""

    def __init__(self, names: Iterable[str], parameters: Iterable[str], digests: Digests) -> None:
        self._secret = CREDENTIALS | {name.lower() for name in names}
        self._text = digests.text
        self._targets = Redaction(parameters=parameters, mask=digests.text)

    def fields(self, fields: Iterable[Field]) -> tuple[Field, ...]:
        """All of a message."""
        return tuple((name, self.value(name.lower(), value)) for name, value in fields)

    def value(self, name: str, value: str) -> str:
        """The value of a field, by its lower-case name."""
        if name in _URLS and name not in self._secret:
            return self._targets.target(value)
        if name not in self._secret:
            return value
        if name in _COOKIES:
            return self._cookies(value, only_first=name == "set-cookie")
        scheme, space, rest = value.partition(" ")
        if space and scheme.lower() in _SCHEMES:
            return f"{scheme} {self._text(rest)}"
        return self._text(value)

    def target(self, target: str) -> str:
        """A request-target."""
        return self._targets.target(target)

    def form(self, text: str) -> str:
        """Names and values, as browsers send them."""
        return self._targets.target(f"?{text}")[1:]

    def _cookies(self, value: str, *, only_first: bool) -> str:
        """Names tell which cookie differs, and attributes how; both stay."""
        pairs = value.split(";")
        for index, pair in enumerate(pairs[:1] if only_first else pairs):
            name, equals, text = pair.partition("=")
            if equals:
                pairs[index] = f"{name}={self._text(text)}"
            else:
                space = pair[: len(pair) - len(pair.lstrip(" "))]
                pairs[index] = f"{space}{self._text(pair.strip(' '))}"
        return ";".join(pairs)
