"""A stock ``PreparedRequest`` as one that this package sends.

Off the hot path: for ``session.get(url)`` in tests, probes and scripts. What
``requests`` has prepared is sent as it is, with Host and framing added where it
leaves those to ``http.client``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.exceptions import InvalidHeader, MissingSchema

from gateway.transport.connection import CHUNK
from gateway.transport.message import OutboundRequest
from gateway.transport.origin import Origin


def outbound(request: PreparedRequest) -> OutboundRequest:
    """The same request, ready to send. ``ValueError``s of ``requests`` if it cannot be."""
    if not request.url or not request.method:
        raise MissingSchema("the request has no URL or method")
    parts = urlsplit(request.url)
    # Credentials in the URL became an Authorization field when it was prepared.
    origin = Origin.parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    fields = [(_text(name), _text(value)) for name, value in (request.headers or {}).items()]
    names = {name.lower(): value for name, value in fields}
    if "host" not in names:
        fields.insert(0, ("Host", origin.authority))
    body: Any = request.body
    if isinstance(body, str):
        body = body.encode("utf-8")
    if body is None or isinstance(body, bytes | bytearray | memoryview):
        content = bytes(body or b"")
        if content and "content-length" not in names:
            fields.append(("Content-Length", str(len(content))))
        return OutboundRequest(request.method, origin, request.path_url, fields, content)
    length = names.get("content-length")
    if length is None and "transfer-encoding" not in names:
        fields.append(("Transfer-Encoding", "chunked"))
    out = OutboundRequest(request.method, origin, request.path_url, fields, b"")
    out.parts = _chunks(body) if length is None else _counted(body, int(length))
    return out


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _read(body: Any) -> Iterator[bytes]:
    """The pieces of a file or iterable. An empty one would end a chunked body: left out."""
    pieces: Iterable[Any] = iter(lambda: body.read(CHUNK), b"") if hasattr(body, "read") else body
    for piece in pieces:
        data = piece.encode("utf-8") if isinstance(piece, str) else bytes(piece)
        if data:
            yield data
        elif hasattr(body, "read"):
            return  # a text file ends with "", not b""


def _chunks(body: Any) -> Iterator[bytes]:
    for data in _read(body):
        yield b"%x\r\n%b\r\n" % (len(data), data)
    yield b"0\r\n\r\n"


def _counted(body: Any, length: int) -> Iterator[bytes]:
    """Exactly ``length`` bytes: more would be read as a second request."""
    left = length
    for data in _read(body):
        left -= len(data)
        if left < 0:
            break
        yield data
    if left:
        raise InvalidHeader(f"the body is not the {length} bytes that Content-Length says")
