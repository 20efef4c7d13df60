"""Encodes answers for clients that ask for it, as they stream by.

Stands inside CORS and security headers, whose fields it does not touch, and
outside everything that answers: refusals and live's answers are treated alike.
What live encoded itself, what is not to be transformed, ranges, event streams
and answers without a body pass as they are.

Nothing is kept back: each part that comes is encoded so that the client can
decode it at once. An answer that ends early, ends in an error here too: its
Content-Length, by which a client would have noticed, is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gateway.encoders import Encoder, encoder
from gateway.errors import GatewayError
from gateway.headers import Field, varied
from gateway.negotiation import negotiate
from gateway.recoding import (
    content_length,
    encoded,
    forbids_transforming,
    may_encode,
    media_types,
    revalidated,
)
from gateway.routes import RouteTable
from gateway.settings.compression import Compression as Config
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ShortAnswer(GatewayError):
    """The application ended its answer before its own Content-Length."""


class Compression:
    """Middleware that encodes ``app``'s answers. ``rules``: None, or not enabled, leaves a
    route's as they are. Raises ``ValueError`` for a coding that is not installed."""

    def __init__(self, app: WSGIApplication, rules: RouteTable[Config | None]) -> None:
        self._app = app
        self._rules = rules.map(_rule_of)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rule = self._rules.find(environ["REQUEST_METHOD"], path_for_rules(environ))
        if rule is None:
            return self._app(environ, start_response)
        head = _Head(rule, environ, start_response)
        answer = self._app(environ, head.start)
        return answer if head.passed_on else _EncodedAnswer(answer, head)


def _rule_of(config: Config | None) -> _Rule | None:
    return _Rule(config) if config is not None and config.enabled and config.codings else None


class _Rule:
    """One configuration, ready for use."""

    __slots__ = ("codings", "encoders", "min_size", "wanted")

    def __init__(self, config: Config) -> None:
        levels = {"gzip": config.gzip_level, "br": config.br_quality, "zstd": config.zstd_level}
        self.codings: tuple[str, ...] = config.codings
        self.encoders: dict[str, Callable[[], Encoder]] = {
            coding: encoder(coding, levels[coding]) for coding in config.codings
        }
        self.wanted = media_types(config.types)
        self.min_size = config.min_size

    def coding_for(self, environ: WSGIEnvironment) -> str | None:
        """What this client gets, of an answer that may be encoded."""
        if "HTTP_RANGE" in environ or forbids_transforming(environ.get("HTTP_CACHE_CONTROL", "")):
            return None
        return negotiate(environ.get("HTTP_ACCEPT_ENCODING"), self.codings)


class _Head:
    """The head of one answer: passed on at once, or kept until its length is known.

    ``passed_on``: it went to the server, and the body goes there as it is.
    """

    __slots__ = ("_environ", "_kept", "_rule", "_start", "_write", "encoder", "left", "passed_on")

    def __init__(self, rule: _Rule, environ: WSGIEnvironment, start: StartResponse) -> None:
        self._rule = rule
        self._environ = environ
        self._start = start
        self._kept: tuple[str, list[Field], Any] | None = None
        self._write: Callable[[bytes], object] | None = None
        self.passed_on = False
        self.encoder: Encoder | None = None
        # Bytes still to come, where the application said how many.
        self.left: int | None = None

    def start(
        self, status: str, fields: list[Field], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """The application's ``start_response``."""
        if self._write is not None:
            # Encoded bytes are out: the server raises what is in exc_info.
            return self._start(status, fields, exc_info)
        changed, coding = self._changed(int(status[:3]), fields)
        self.passed_on = coding is None or self._environ["REQUEST_METHOD"] == "HEAD"
        if coding is None or self.passed_on:
            return self._start(status, changed, exc_info)
        self._kept = (status, changed, exc_info)
        self.encoder, self.left = self._rule.encoders[coding](), content_length(fields)
        return self._written

    def _changed(self, status: int, fields: list[Field]) -> tuple[list[Field], str | None]:
        """The fields for this client, and the coding it gets."""
        rule, environ = self._rule, self._environ
        if status == 304:
            return revalidated(fields, environ.get("HTTP_IF_NONE_MATCH", "")), None
        if not may_encode(status, fields, rule.wanted, rule.min_size):
            return fields, None
        coding = rule.coding_for(environ)
        return (encoded(fields, coding) if coding else varied(fields, "Accept-Encoding")), coding

    def send(self, length: int | None = None) -> None:
        """Pass the kept head on, with the length of the encoded body where it is known."""
        if self._kept is not None:
            status, fields, exc_info = self._kept
            self._kept = None
            if length is not None:
                fields = [*fields, ("Content-Length", str(length))]
            self._write = self._start(status, fields, exc_info)

    def _written(self, data: bytes) -> None:
        """What the application got from ``start_response`` to write with."""
        self.send()
        if self.encoder is not None and self._write is not None:
            self._write(self.encoder.part(self.taken(data)))

    def taken(self, part: bytes) -> bytes:
        """The part, less what is beyond the announced length."""
        if self.left is not None:
            part = part[: self.left]
            self.left -= len(part)
        return part


class _EncodedAnswer:
    """The body, encoded part by part; as it is where the application decided so late."""

    __slots__ = ("_answer", "_ended", "_head", "_parts")

    def __init__(self, answer: Iterable[bytes], head: _Head) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._head = head
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        head = self._head
        try:
            part = next(self._parts)
        except StopIteration:
            if self._ended or head.encoder is None or head.passed_on:
                raise
            if head.left:
                raise ShortAnswer(f"{head.left} bytes of the answer are missing") from None
            return self._last(head.encoder, b"")
        if head.passed_on or head.encoder is None:
            return part
        if self._ended:
            return b""
        part = head.taken(part)
        if head.left == 0:
            return self._last(head.encoder, part)
        head.send()
        return head.encoder.part(part) if part else b""

    def _last(self, encoder: Encoder, part: bytes) -> bytes:
        self._ended = True
        data = encoder.last(part)
        self._head.send(len(data))
        return data

    def close(self) -> None:
        """Close the application's answer."""
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()
