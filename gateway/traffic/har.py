"""HAR 1.2 out: exchanges as browsers, proxies and their tools read them.

http://www.softwareishard.com/blog/har-12-spec/. An answer's body is there without
its content coding, as HAR wants it. What HAR has no place for is in ``_gateway`` of
each entry, so that what is read back (``har_reading``) is what was written.

Nothing is redacted here: whoever hands out a HAR hands out what it was made of.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, quote

from gateway._version import __version__
from gateway.coding import CodingError, Limits, codings_in, decoded
from gateway.compare.answer import Answer
from gateway.headers import Field
from gateway.shadow.copy import Copy
from gateway.traffic.recorded import Recorded
from gateway.traffic.text import Texted

# What a URL may have as it is (RFC 3986): the rest, a target's raw bytes, is escaped.
URL_SAFE = "!$&'()*+,/:;=?@[]%-._~"
# Most of an answer's body when it is decoded; a larger one is in the HAR as it was sent.
_LIMITS = Limits(16 * 1024 * 1024)
_LOG = {"version": "1.2", "creator": {"name": "gateway", "version": __version__}}
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


def document(entries: Iterable[dict[str, Any]]) -> bytes:
    """A HAR file of these entries, see ``entry``."""
    return _json({"log": {**_LOG, "entries": list(entries)}})


def entry(recorded: Recorded, comment: str = "") -> dict[str, Any]:
    """One exchange as a HAR entry. ``comment``: shown by most viewers, such as which side."""
    request, live = recorded.request, recorded.live
    milliseconds = round(live.seconds * 1000, 6) if live is not None else 0
    made: dict[str, Any] = {
        "startedDateTime": _time(recorded.at),
        "time": milliseconds,
        "request": _request(request),
        "response": _NO_RESPONSE if live is None else _response(live),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_gateway": _ours(recorded),
    }
    return {**made, "comment": comment} if comment else made


def url_of(request: Copy) -> str:
    """The URL that a client asked for, as far as is known."""
    authority = request.field("host") or request.client.host or "localhost"
    target = request.target if request.target.startswith("/") else "/" + request.target
    url = f"{request.client.scheme or 'http'}://{authority}{target}"
    return quote(url.encode("latin-1", "replace"), safe=URL_SAFE)


def _ours(recorded: Recorded) -> dict[str, Any]:
    request, live = recorded.request, recorded.live
    told: dict[str, Any] = {"target": request.target, "had_body": request.had_body}
    told |= {"id": request.request_id, "route": recorded.route}
    if live is not None and live.digest is not None:
        told["digest"] = live.digest.hex()
    if live is not None and live.body is not None and codings_in(live.fields):
        told["received"] = base64.b64encode(live.body).decode()
    return told


def _time(at: float) -> str:
    moment = datetime.fromtimestamp(max(0.0, at), timezone.utc)
    return moment.isoformat(timespec="microseconds")


def _request(request: Copy) -> dict[str, Any]:
    query = request.target.partition("?")[2]
    made: dict[str, Any] = {
        "method": request.method,
        "url": url_of(request),
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(request.fields),
        "headers": _pairs(request.fields),
        "queryString": _pairs(parse_qsl(query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        mime = request.field("content-type") or ""
        texted = _texted(request.body, mime)
        made["postData"] = {"mimeType": mime, "text": texted.text}
        if texted.encoded:
            # HAR forgot it for requests; its rule for what it forgot is the underscore.
            made["postData"]["_encoding"] = "base64"
    return made


_NO_RESPONSE: dict[str, Any] = {
    "status": 0,
    "statusText": "",
    "httpVersion": "",
    "cookies": [],
    "headers": [],
    "content": {"size": 0, "mimeType": "x-unknown"},
    "redirectURL": "",
    "headersSize": -1,
    "bodySize": -1,
    "comment": "no answer",
}


def _response(live: Answer) -> dict[str, Any]:
    return {
        "status": live.status,
        "statusText": _phrase(live.status),
        "httpVersion": "HTTP/1.1",
        "cookies": _set_cookies(live.fields),
        "headers": _pairs(live.fields),
        "content": _content(live),
        "redirectURL": _value(live.fields, "location"),
        "headersSize": -1,
        "bodySize": live.size,
    }


def _content(live: Answer) -> dict[str, Any]:
    mime = _value(live.fields, "content-type")
    made: dict[str, Any] = {"size": live.size, "mimeType": mime}
    if live.body is None:
        return {**made, "comment": "larger than what is kept of a body"}
    body = live.body
    with suppress(CodingError):
        body = decoded(body, codings_in(live.fields), _LIMITS)
    texted = _texted(body, mime)
    made |= {"size": len(body), "text": texted.text}
    if texted.encoded:
        made["encoding"] = "base64"
    if len(body) != live.size:
        made["compression"] = len(body) - live.size
    return made


def _texted(data: bytes, mime: str) -> Texted:
    """As text only where a reader, who goes by the charset, gets the same bytes from it."""
    if charset_of(mime) in _UTF8:
        return Texted.of(data)
    return Texted(base64.b64encode(data).decode(), True)


def charset_of(mime: str) -> str:
    """The charset that a content type names, in lower case; "" for none."""
    message = Message()
    message["content-type"] = mime.replace("\r", " ").replace("\n", " ")
    return str(message.get_param("charset", "")).strip().lower()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _value(fields: Sequence[Field], name: str) -> str:
    return next((value for key, value in fields if key.lower() == name), "")


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _cookies(fields: Sequence[Field]) -> list[dict[str, str]]:
    values = (value for name, value in fields if name.lower() == "cookie")
    parts = (part.strip().partition("=") for value in values for part in value.split(";"))
    return _pairs((name, value) for name, equals, value in parts if equals)


def _set_cookies(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [_set_cookie(value) for name, value in fields if name.lower() == "set-cookie"]


def _set_cookie(text: str) -> dict[str, Any]:
    """RFC 6265 section 5.2."""
    first, *attributes = text.split(";")
    name, _, value = first.strip().partition("=")
    cookie: dict[str, Any] = {"name": name, "value": value}
    for attribute in attributes:
        key, _, content = attribute.strip().partition("=")
        key = key.lower()
        if key in ("path", "domain"):
            cookie[key] = content
        elif key in ("httponly", "secure"):
            cookie["httpOnly" if key == "httponly" else key] = True
        elif key == "expires":
            with suppress(ValueError, TypeError, IndexError, OverflowError):
                cookie[key] = parsedate_to_datetime(content).isoformat()
    return cookie


def _json(value: object) -> bytes:
    # A lone surrogate, which no bytes of HTTP become, would be no UTF-8.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


class HarFile:
    """A HAR written entry by entry, so that nobody has to hold it all. A context manager.

    Threads: one at a time. Writes as the disk does. The file is for its owner only.
    """

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(fd, "wb")
        self._file.write(b'{"log": ' + _json(_LOG)[:-1] + b', "entries": [')
        self.entries = 0

    def add(self, made: dict[str, Any]) -> None:
        """Append an entry, see ``entry``."""
        self._file.write((b",\n" if self.entries else b"\n") + _json(made))
        self.entries += 1

    def __enter__(self) -> HarFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.write(b"\n]}}\n")
        self._file.close()

    def __repr__(self) -> str:
        return f"<HarFile {self._file.name} [{self.entries} entries]>"
