"""How a rule says no: with the answer the client would get, and a word for metrics and logs.

Whether that answer is given, or only counted, is the middleware's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from gateway.errors import GatewayError, Refusal
from gateway.headers import Field


class Reason(str, Enum):
    """Why a request does not pass: one word each, the labels of metrics."""

    METHOD = "method"  # 405
    PATH = "path"  # 404, OpenAPI only
    HEADER = "header"  # 400: a required field is missing
    CONTENT_TYPE = "content_type"  # 415
    CONTENT_CODING = "content_coding"  # 415, or 400 where the bytes are not what it says
    TOO_LARGE = "too_large"  # 413: more than is looked into, decoded
    MALFORMED = "malformed"  # 400: not JSON
    TOO_DEEP = "too_deep"  # 400
    DUPLICATE_KEY = "duplicate_key"  # 400
    NO_BODY = "no_body"  # 400
    UNEXPECTED_BODY = "unexpected_body"  # 400, OpenAPI only
    PARAMETER = "parameter"  # 422, OpenAPI only
    SCHEMA = "schema"  # 422


class Rejected(GatewayError):
    """The request does not fit. ``refusal``: what to answer."""

    def __init__(self, reason: Reason, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.reason = reason
        self.refusal = refusal


class Message(Protocol):
    """What the rules look at; a ``BufferedRequest`` is one."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def fields(self) -> Sequence[Field]: ...
    @property
    def body(self) -> bytes: ...
