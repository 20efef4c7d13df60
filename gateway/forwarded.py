"""Telling upstreams who the client is, when the settings ask for it.

``x-forwarded``: the de facto X-Forwarded-For, -Proto and -Host. ``forwarded``:
RFC 7239. Live and the shadows are told the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from gateway.headers import Field, rewritten


class Client(NamedTuple):
    """Who sent a request, as far as the server in front knows."""

    address: str
    scheme: str
    host: str

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Client:
        """The client of a WSGI request."""
        address, host = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_HOST", "")
        return cls(address, environ["wsgi.url_scheme"], host)


class Tell(NamedTuple):
    """What to tell: in which style, and whether to add to or replace what is there."""

    style: Literal["off", "x-forwarded", "forwarded"]
    mode: Literal["append", "replace"]


TELL_NOTHING = Tell("off", "append")


def forwarded(fields: Iterable[Field], tell: Tell, client: Client) -> list[Field]:
    """The fields with the client told. Appending keeps what earlier proxies said."""
    fields = list(fields)
    if tell.style == "off":
        return fields
    if tell.style == "forwarded":
        return _appended(fields, "Forwarded", _element(client), tell.mode)
    fields = _appended(fields, "X-Forwarded-For", client.address, tell.mode)
    for name, value in (("X-Forwarded-Proto", client.scheme), ("X-Forwarded-Host", client.host)):
        told = any(field[0].lower() == name.lower() for field in fields)
        if value and not (told and tell.mode == "append"):
            fields = rewritten(fields, {name: value}, ())
    return fields


def _element(client: Client) -> str:
    # RFC 7239 section 6: IPv6 in brackets and quotes; no address is "unknown".
    node = client.address or "unknown"
    if ":" in node:
        node = f'"[{node}]"'
    element = f"for={node};proto={client.scheme}"
    return f"{element};host={_quoted(client.host)}" if client.host else element


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110 section 5.6.4): a client chooses its Host."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _appended(fields: list[Field], name: str, value: str, mode: str) -> list[Field]:
    earlier = [v for n, v in fields if n.lower() == name.lower() and v]
    values = [*earlier, value] if mode == "append" else [value]
    return rewritten(fields, {name: ", ".join(values)}, ())
