"""The words authentication is spoken of in: schemes, proofs, and why there is none.

A leaf: every other module of the package uses it, and so does the documentation.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Scheme(str, Enum):
    """How a client can show who it is. The values are those of the setting ``schemes``."""

    API_KEY = "api-key"
    BASIC = "basic"
    JWT = "jwt"


class Proof(NamedTuple):
    """Who a client proved to be, and what it may do."""

    identity: str
    scopes: frozenset[str]
    scheme: Scheme


class Reason(str, Enum):
    """Why a request was refused: a label of the metrics, a word of the access log."""

    MISSING = "missing"  # no credential of a scheme that the route takes
    MALFORMED = "malformed"  # sent twice, or not in the form of its scheme
    INVALID_KEY = "invalid_key"  # an API key that is unknown, or not valid any more
    INVALID_PASSWORD = "invalid_password"  # a name that is unknown, or another password
    INVALID_TOKEN = "invalid_token"  # a token that is expired, or not for us, or forged
    INSUFFICIENT_SCOPE = "insufficient_scope"  # proven, but not allowed to do this
    AMBIGUOUS_PATH = "ambiguous_path"  # a path that upstreams may read as another route's
    UNAVAILABLE = "unavailable"  # there is nothing to compare with: not loaded, not fetched
    BUSY = "busy"  # too many passwords wait to be hashed


class NotProven(Exception):
    """A credential that proves nothing.

    ``detail`` is shown to the client. It never says which half of a pair of name
    and password was wrong, nor repeats what was sent.
    """

    def __init__(self, reason: Reason, detail: str, scheme: Scheme | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.scheme = scheme
