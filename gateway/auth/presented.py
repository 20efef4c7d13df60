"""What a request presents: the one credential that is looked at, or none.

A field sent twice is refused rather than read: an upstream may read the other one.
Servers join repeats with a comma (PEP 3333), so no credential may contain one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway.auth.proof import NotProven, Reason, Scheme
from gateway.headers import environ_name

# The first word of Authorization (RFC 9110 section 11.4); case does not matter.
WORDS: Mapping[str, Scheme] = MappingProxyType(
    {"apikey": Scheme.API_KEY, "basic": Scheme.BASIC, "bearer": Scheme.JWT}
)
# More is no password of anybody's; tokens have a limit of their own.
_LONGEST = 2048
_KEY = re.compile(r"[!-+\--~]+")
# RFC 9110 section 11.2.
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Presented:
    """Finds the credential in a request's ``environ``. ``key_field``: where keys are sent."""

    def __init__(self, key_field: str) -> None:
        self._key_name = environ_name(key_field)

    def find(self, environ: Mapping[str, Any], schemes: Sequence[Scheme]) -> tuple[Scheme, str]:
        """The scheme, and the credential in it.

        The first of ``schemes`` that is presented counts, and it alone: a wrong key
        is not made good by a right password. Raises ``NotProven``.
        """
        key = environ.get(self._key_name)
        sent = _authorization(environ)
        if key and sent is not None and sent[0] is Scheme.API_KEY:
            raise _malformed("The API key was sent twice.", Scheme.API_KEY)
        for scheme in schemes:
            if key and scheme is Scheme.API_KEY:
                return scheme, _checked(_KEY, key, scheme)
            if sent is not None and sent[0] is scheme:
                return scheme, _checked(_KEY if scheme is Scheme.API_KEY else _TOKEN68, *sent[::-1])
        raise NotProven(Reason.MISSING, "Say who you are; see WWW-Authenticate for the ways to.")

    def by_authorization(self, environ: Mapping[str, Any], schemes: Sequence[Scheme]) -> bool:
        """Whether Authorization has a credential of one of the schemes."""
        sent = _authorization(environ)
        return sent is not None and sent[0] in schemes


def _authorization(environ: Mapping[str, Any]) -> tuple[Scheme, str] | None:
    word, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    scheme = WORDS.get(word.lower())
    return None if scheme is None else (scheme, rest.strip(" "))


def _checked(form: re.Pattern[str], text: str, scheme: Scheme) -> str:
    if form.fullmatch(text) is None:
        raise _malformed(
            "The credential was sent twice, or is not in the form of its scheme.", scheme
        )
    return text


def name_and_password(token: str) -> tuple[str, str]:
    """What Basic carries (RFC 7617 section 2, in UTF-8 as its section 2.1 asks)."""
    if len(token) <= _LONGEST:
        try:
            name, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:  # binascii.Error, UnicodeDecodeError
            colon = ""
        if colon:
            return name, password
    raise _malformed("Basic is the base64 of NAME:PASSWORD in UTF-8.", Scheme.BASIC)


def _malformed(detail: str, scheme: Scheme) -> NotProven:
    return NotProven(Reason.MALFORMED, detail, scheme)
