"""One exchange as bytes, for the few that are kept, and back.

A leaf. It was redacted before it came here. The bytes outlive the program that wrote
them: they are a list with a version before it, not a picture of our classes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Difference, Drift, Judged, Kind, Part, Verdict
from gateway.forwarded import Client
from gateway.shadow.copy import Copy
from gateway.store.errors import StoreError

_VERSION = 1
# What MessagePack has no type for: decimals, integers beyond 64 bits, text with lone
# surrogates (JSON can spell them).
_DECIMAL, _INTEGER, _TEXT = 1, 2, 3
_DEEPEST = 200

Ext = msgspec.msgpack.Ext


def packed(judged: Judged) -> bytes:
    """The exchange, compressed."""
    request, comparison = judged.request, judged.comparison
    # Client and trace are of no use later, and who the client is, is nobody's business.
    document = [
        _VERSION,
        judged.shadow,
        judged.route,
        judged.at,
        list(request)[:6],
        _plain_answer(judged.live),
        _plain_answer(judged.answer),
        comparison.verdict.value,
        comparison.reason,
        comparison.ignored,
        [[d.part.value, d.kind.value, *d[2:]] for d in comparison.differences],
        [list(drift) for drift in comparison.drift],
    ]
    return zlib.compress(msgspec.msgpack.encode(_plain(document)), 3)


def unpacked(data: bytes) -> Judged:
    """Raises ``StoreError`` for what another version wrote, or nobody."""
    try:
        document = msgspec.msgpack.decode(zlib.decompress(data), ext_hook=_from_ext)
        if document[0] != _VERSION:
            raise StoreError(f"a newer Gateway kept this example (form {document[0]})")
        return _judged(*document[1:])
    except (zlib.error, msgspec.MsgspecError, TypeError, ValueError, LookupError) as error:
        raise StoreError(f"a kept example cannot be read: {error}") from error


def _judged(
    shadow: str,
    route: str,
    at: float,
    request: list[Any],
    live: Any,
    answer: Any,
    verdict: str,
    reason: str,
    ignored: int,
    differences: list[Any],
    drift: list[Any],
) -> Judged:
    request_id, method, target, fields, body, had_body = request
    copy = Copy(request_id, method, target, _fields(fields), body, had_body, Client("", "http", ""))
    comparison = Comparison(
        Verdict(verdict),
        reason,
        tuple(Difference(Part(part), Kind(kind), *rest) for part, kind, *rest in differences),
        ignored,
        tuple(Drift(*each) for each in drift),
    )
    return Judged(shadow, copy, route, at, _answer(live), _answer(answer), comparison)


def _plain_answer(answer: Answer | None) -> list[Any] | None:
    return None if answer is None else list(answer)


def _answer(plain: Any) -> Answer | None:
    if plain is None:
        return None
    status, fields, body, size, seconds, digest = plain
    return Answer(status, _fields(fields), body, size, seconds, digest)


def _fields(pairs: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in types that MessagePack has; deep ones end in their text."""
    if value is None or isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, str):
        return value if value.isascii() else _text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else Ext(_INTEGER, hex(value).encode())
    if isinstance(value, Decimal):
        return Ext(_DECIMAL, str(value).encode())
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in value]
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {_plain(str(k), depth + 1): _plain(v, depth + 1) for k, v in value.items()}
    return _text(str(value))


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return Ext(_TEXT, value.encode("utf-8", "surrogatepass"))
    return value


def _from_ext(code: int, data: memoryview) -> Any:
    raw = bytes(data)
    if code == _DECIMAL:
        return Decimal(raw.decode())
    if code == _INTEGER:
        return int(raw, 16)
    if code == _TEXT:
        return raw.decode("utf-8", "surrogatepass")
    raise ValueError(f"an unknown kind of value: {code}")
