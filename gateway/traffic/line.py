"""One exchange as one line of JSON: what archives are made of.

A stable format: a reader of any later version takes the lines of this one, and what
it does not know is left alone. Clients' addresses are not in it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.compare.answer import Answer
from gateway.errors import GatewayError
from gateway.forwarded import Client
from gateway.headers import Field
from gateway.shadow.copy import Copy
from gateway.traffic.recorded import Recorded
from gateway.traffic.text import Texted

_VERSION = 1


class NotARecord(GatewayError):
    """A line that is none of ours. Its text says what is wrong with it."""


class _Message(msgspec.Struct, omit_defaults=True, kw_only=True):
    fields: tuple[Field, ...] = ()
    body: str | None = None
    base64: bool = False


class _Request(_Message, kw_only=True):
    method: str
    target: str
    # A request may announce an empty body, or none at all.
    had_body: bool = False
    scheme: str = "http"


class _Answer(_Message, kw_only=True):
    status: int
    size: int = 0
    seconds: float = 0.0
    # Of a body that is not here, being larger than what is kept: BLAKE2b, hexadecimal.
    digest: str | None = None


class _Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    version: int
    at: float
    id: str = ""
    route: str = ""
    request: _Request
    live: _Answer | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def line_of(recorded: Recorded) -> bytes:
    """The exchange as a line, with its end."""
    request, live = recorded.request, recorded.live
    line = _Line(
        version=_VERSION,
        at=recorded.at,
        id=request.request_id,
        route=recorded.route,
        request=_Request(
            method=request.method,
            target=request.target,
            fields=request.fields,
            had_body=request.had_body,
            scheme=request.client.scheme,
            **_body(request.body or None),
        ),
        live=None if live is None else _answer(live),
    )
    return _encode(line) + b"\n"


def _answer(live: Answer) -> _Answer:
    return _Answer(
        status=live.status,
        fields=live.fields,
        size=live.size,
        seconds=live.seconds,
        digest=live.digest.hex() if live.digest is not None else None,
        **_body(live.body),
    )


def _body(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {}
    texted = Texted.of(body)
    return {"body": texted.text, "base64": texted.encoded}


def recorded_of(line: bytes) -> Recorded:
    """The exchange that a line stands for. Raises ``NotARecord``."""
    try:
        read = _decode(line)
        if read.version > _VERSION:
            raise NotARecord(f"version {read.version} of the format, which is newer than this one")
        request = read.request
        copy = Copy(
            read.id,
            request.method,
            request.target,
            request.fields,
            _data(request) or b"",
            request.had_body,
            Client("", request.scheme, ""),
        )
        live = None if read.live is None else _live(read.live)
        return Recorded(copy, live, read.at, read.route)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotARecord(str(error)) from error


def _live(answer: _Answer) -> Answer:
    digest = None if answer.digest is None else bytes.fromhex(answer.digest)
    return Answer(answer.status, answer.fields, _data(answer), answer.size, answer.seconds, digest)


def _data(message: _Message) -> bytes | None:
    return None if message.body is None else Texted(message.body, message.base64).data()
