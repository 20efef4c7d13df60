"""HAR 1.2 in: what browsers and proxies have captured, as exchanges to be sent again.

Taken away is what belongs to the connection: pseudo-fields of HTTP/2 and 3, hop-by-hop
fields. Left out, each with its reason, is what no request to a server can be made of:
what came from the browser's cache, WebSockets, ``data:`` URLs, requests whose body the
capture lacks. A file of which that cannot be said is refused (``NotHar``).

A body in a HAR is text; that the capture's own encoding of it was another than its
content type says cannot be known.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import field

from gateway.coding import codings_in
from gateway.compare.answer import Answer
from gateway.errors import GatewayError
from gateway.forwarded import Client
from gateway.headers import Field, end_to_end
from gateway.shadow.copy import Copy
from gateway.traffic.har import URL_SAFE, charset_of
from gateway.traffic.packing import DAMAGE, unpacked
from gateway.traffic.recorded import Recorded
from gateway.traffic.text import Texted

_URL = re.compile(r"(https?)://(?:[^/?#]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRACTION = re.compile(r"\.(\d+)")


class NotHar(GatewayError):
    """No HAR file. Its text says why."""


class _Unusable(Exception):
    """An entry that nothing can be made of, and why."""


class _Pair(msgspec.Struct):
    name: str
    value: str | None = None


class _PostData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    text: str | None = None
    params: list[_Pair] | None = None
    encoding: str | None = None
    own_encoding: str | None = field(default=None, name="_encoding")


class _Request(msgspec.Struct, rename="camel"):
    method: str
    url: str
    headers: list[_Pair] | None = None
    cookies: list[_Pair] | None = None
    post_data: _PostData | None = None
    body_size: float | None = None


class _Content(msgspec.Struct, rename="camel"):
    size: float | None = None
    mime_type: str | None = None
    text: str | None = None
    encoding: str | None = None


class _Response(msgspec.Struct, rename="camel"):
    status: int
    headers: list[_Pair] | None = None
    content: _Content | None = None


class _Ours(msgspec.Struct):
    id: str = ""
    route: str = ""
    target: str | None = None
    had_body: bool | None = None
    digest: str | None = None
    received: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    started_date_time: str
    request: _Request
    response: _Response | None = None
    time: float | None = None
    from_cache: Any = field(default=None, name="_fromCache")
    web_socket: Any = field(default=None, name="_webSocketMessages")
    ours: _Ours | None = field(default=None, name="_gateway")


def read_har(path: Path, problem: Callable[[str], None]) -> list[Recorded]:
    """The exchanges of a HAR file, by the time they began. Raises ``NotHar``, ``OSError``.

    ``problem``: told of each entry that was left out.
    """
    try:
        data = b"".join(unpacked(path))
    except DAMAGE as error:
        raise NotHar(f"{path}: {error}") from error
    return from_har(data, lambda text: problem(f"{path}: {text}"))


def from_har(data: bytes, problem: Callable[[str], None]) -> list[Recorded]:
    """As ``read_har``, from bytes."""
    read = []
    for number, each in enumerate(_entries(data), 1):
        try:
            read.append(_recorded(msgspec.convert(each, _Entry)))
        except (_Unusable, msgspec.ValidationError, ValueError, OverflowError) as error:
            problem(f"entry {number} left out: {error}")
    return sorted(read, key=lambda recorded: recorded.at)


def _entries(data: bytes) -> list[Any]:
    try:
        # Some writers begin with a byte order mark, and RFC 8259 section 8.1 lets us skip it.
        read = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotHar(f"not JSON in UTF-8: {error}") from error
    log = read.get("log") if isinstance(read, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise NotHar("no HAR: it has no log.entries")
    return entries


def _recorded(entry: _Entry) -> Recorded:
    if entry.from_cache:
        raise _Unusable("it came from the browser's cache")
    if entry.web_socket or (entry.response and entry.response.status == 101):
        raise _Unusable("a WebSocket")
    ours = entry.ours or _Ours()
    at = _moment(entry.started_date_time)
    return Recorded(_copy(entry.request, ours), _answer(entry, ours), at, ours.route)


def _moment(text: str) -> float:
    """ISO 8601. Before Python 3.11 ``fromisoformat`` wants six digits, and no Z."""
    text = _FRACTION.sub(lambda match: f".{match[1]:0<6.6}", text.strip(), count=1)
    moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _copy(request: _Request, ours: _Ours) -> Copy:
    url = _URL.match(request.url.strip())
    if url is None or request.method == "CONNECT":
        raise _Unusable(f"no request to an HTTP server: {request.method} {request.url[:80]}")
    if not _TOKEN.fullmatch(request.method):
        raise _Unusable("its method is none")
    scheme, authority = url[1].lower(), url[2]
    fields = _request_fields(request, authority)
    body = _body(request, fields)
    announced = any(name.lower() == "content-length" for name, _ in fields)
    had_body = bool(body) or (announced if ours.had_body is None else ours.had_body)
    target = _target(url[3]) if ours.target is None else ours.target
    return Copy(ours.id, request.method, target, fields, body, had_body, Client("", scheme, ""))


def _target(path: str) -> str:
    """What the server was asked for: what may not be in a URL escaped, as browsers do it."""
    path = path if path.startswith("/") else "/" + path
    return quote(path, safe=URL_SAFE + '"<>\\^`{|}')


def _request_fields(request: _Request, authority: str) -> tuple[Field, ...]:
    fields = list(_fields(request.headers or ()))
    if not any(name.lower() == "host" for name, _ in fields):
        fields.insert(0, ("Host", authority))
    if request.cookies and not any(name.lower() == "cookie" for name, _ in fields):
        pairs = (f"{cookie.name}={cookie.value or ''}" for cookie in request.cookies)
        fields.append(("Cookie", _latin("; ".join(pairs))))
    return tuple(end_to_end(fields))


def _fields(headers: Iterable[_Pair]) -> Iterable[Field]:
    """Without the pseudo-fields of HTTP/2. Repeats may be joined by line ends (Chrome)."""
    for pair in headers:
        if pair.name.startswith(":"):
            continue
        if not _TOKEN.fullmatch(pair.name):
            raise _Unusable(f"{pair.name!r} is no name of a header field")
        for value in (pair.value or "").split("\n"):
            if "\0" in value or "\r" in value.rstrip("\r"):
                raise _Unusable(f"{pair.name} has a control character")
            yield pair.name, _latin(value.rstrip("\r"))


def _latin(text: str) -> str:
    """A field's value as text of latin-1 bytes; what is no latin-1 was UTF-8."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode().decode("latin-1")
    return text


def _body(request: _Request, fields: Iterable[Field]) -> bytes:
    posted = request.post_data
    body = b"" if posted is None else _posted(posted)
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    announced = max([request.body_size or 0, *(float(v) for v in lengths if v.isdecimal())])
    if announced > 0 and not body:
        raise _Unusable("the capture lacks its body")
    return body


def _posted(posted: _PostData) -> bytes:
    mime = posted.mime_type or ""
    if posted.text:
        encoding = posted.own_encoding or posted.encoding or ""
        return _bytes(posted.text, mime, encoded=encoding.lower() == "base64")
    if posted.params and not mime.lower().startswith("multipart/"):
        return urlencode([(each.name, each.value or "") for each in posted.params]).encode()
    return b""


def _bytes(text: str, mime: str, *, encoded: bool) -> bytes:
    if encoded:
        return Texted(text, True).data()
    try:
        return text.encode(charset_of(mime) or "utf-8")
    except (LookupError, ValueError):
        return text.encode()


def _answer(entry: _Entry, ours: _Ours) -> Answer | None:
    response = entry.response
    if response is None or not 200 <= response.status <= 999:
        return None  # blocked, broken off, never answered
    content = response.content or _Content()
    fields = end_to_end(_fields(response.headers or ()))
    if ours.received is not None:
        body: bytes | None = Texted(ours.received, True).data()
    else:
        body = _content(content)
        fields = _without_coding(fields) if body else fields
    known = int(content.size or 0) if math.isfinite(content.size or 0) else 0
    seconds = entry.time if entry.time is not None and math.isfinite(entry.time) else 0.0
    return Answer(
        response.status,
        tuple(fields),
        body,
        max(0, known) if body is None else len(body),
        max(0.0, seconds / 1000),
        None if ours.digest is None else bytes.fromhex(ours.digest),
    )


def _content(content: _Content) -> bytes | None:
    """None where the capture has no body, and the answer had one."""
    if content.text is None:
        return None if content.size else b""
    encoded = (content.encoding or "").lower() == "base64"
    return _bytes(content.text, content.mime_type or "", encoded=encoded)


def _without_coding(fields: list[Field]) -> list[Field]:
    """HAR has bodies decoded: what spoke of the coded one is true of this one no more."""
    if not codings_in(fields):
        return fields
    drop = {"content-encoding", "content-length"}
    return [each for each in fields if each[0].lower() not in drop]
