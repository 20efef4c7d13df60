"""What must not appear in a log: the values of secret fields and parameters.

Used when a line is made, on the request's thread, so that a secret never even
waits in a buffer. It looks at names only: a secret in a place of its own, such
as a segment of a path, it cannot know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import unquote_plus

REDACTED = "***"

# Credentials by definition (RFC 9110 section 11.6, RFC 6265): never shown, whatever is set.
ALWAYS_SECRET = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "authentication-info"}
)

# Where a parameter may begin inside what "&" separates: old servers split at ";"
# too, and a "?" or "#" may have got there unescaped.
_BEGIN = ";?#"
_NEXT = re.compile(f"[{_BEGIN}]")
# user[password]=… and user.password=… are both a password.
_PARTS = re.compile(r"[\[\].]+")
_LONGEST = 64
_USERINFO = re.compile(r"//[^/?#]*@")


class Redaction:
    """Names whose values are left out.

    ``fields``: of header fields, beside those that always are.
    ``parameters``: of query and path parameters. Neither distinguishes case.
    ``mask``: what takes the place of a value.
    """

    def __init__(
        self,
        fields: Iterable[str] = (),
        parameters: Iterable[str] = (),
        *,
        mask: Callable[[str], str] = lambda value: REDACTED,
    ) -> None:
        self._mask = mask
        self._fields = ALWAYS_SECRET | {name.lower() for name in fields}
        self._parameters = frozenset(name.lower() for name in parameters)
        self._known = lru_cache(maxsize=1024)(self._is_secret)

    def field(self, name: str, value: str) -> str:
        """The value of a header field as it may be shown."""
        return self._mask(value) if name.lower() in self._fields else value

    def target(self, target: str) -> str:
        """A request-target, or a URL, as it may be shown. A part of one will do."""
        if "@" in target:
            target = _USERINFO.sub(f"//{REDACTED}@", target)
        if "=" not in target or not self._parameters:
            return target
        path, mark, query = target.partition("?")
        if ";" in path:
            path = "/".join([self._odd_pair(segment) for segment in path.split("/")])
        if not mark:
            return path
        redact = self._odd_pair if _NEXT.search(query) else self._pair
        return path + mark + "&".join([redact(pair) for pair in query.split("&")])

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        return f"{name}={self._mask(value)}" if equals and self._secret(name) else pair

    def _odd_pair(self, pair: str) -> str:
        """A pair that may have others in it; what is secret is so to the end of it all."""
        at, equals = 0, pair.find("=")
        while equals >= 0:
            start = max(at, *(pair.rfind(mark, at, equals) + 1 for mark in _BEGIN))
            if self._secret(pair[start:equals]):
                return pair[: equals + 1] + self._mask(pair[equals + 1 :])
            begin = _NEXT.search(pair, equals)
            if begin is None:
                break
            at = begin.end()
            equals = pair.find("=", at)
        return pair

    def _secret(self, name: str) -> bool:
        # The length first: what is remembered of what clients send must be small.
        return self._known(name) if len(name) <= _LONGEST else self._is_secret(name)

    def _is_secret(self, name: str) -> bool:
        name = unquote_plus(name).strip().lower()
        return name in self._parameters or not self._parameters.isdisjoint(_PARTS.split(name))

    def __repr__(self) -> str:
        return f"<Redaction of {len(self._fields)} fields, {len(self._parameters)} parameters>"
