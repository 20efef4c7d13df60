"""Header fields on their way through: what a proxy removes, sets and may add.

A list of fields is a sequence of ``(name, value)`` pairs of latin-1 text, in
order and with repeats. Nothing here changes a list it is given.

Not done here: interpreting values. They pass byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gateway.errors import BadRequest

Field = tuple[str, str]
Fields = Sequence[Field]

# RFC 9110 section 7.6.1: about one connection only, whether or not Connection
# names them. Trailer goes because a buffered body has no trailers any more.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    }
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
# A client must not be able to remove these by naming them in Connection.
_NEVER_NAMED = frozenset({"host", "content-length"})


def received_fields(environ: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of a request as received.

    Gateway's own worker keeps the list (order, repeats). From any other WSGI
    server they are read from ``environ``, which has repeats joined by a comma.
    """
    kept = environ.get("gateway.fields")
    if kept is not None:
        return tuple(kept)
    fields = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            fields.append((_field_name(key[5:]), value))
        elif key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value:
            fields.append((_field_name(key), value))
    return tuple(fields)


def check_fields(fields: tuple[Field, ...]) -> None:
    """Refuses names and values that are none.

    RFC 9110 section 5. Parsers differ in what they let pass; so do upstreams.

    gunicorn_h1c 0.6.9 makes a folded line a field without a name.
    """
    names = [name for name, _ in fields]
    if "" in names or _NOT_TOKEN.search("".join(names)):
        raise BadRequest("A header field has no valid name.")
    if _CONTROLS.search("".join([value for _, value in fields])):
        raise BadRequest("A header field has a control character in its value.")


def _field_name(key: str) -> str:
    return key.replace("_", "-").title()


def environ_name(name: str) -> str:
    """A field's name in ``environ`` (RFC 3875 section 4.1.18), but for the two of the body."""
    return "HTTP_" + name.upper().replace("-", "_")


def end_to_end(fields: Iterable[Field]) -> list[Field]:
    """The fields without the hop-by-hop ones and those that Connection names."""
    fields = list(fields)
    kept = [field for field in fields if field[0].lower() not in HOP_BY_HOP]
    if len(kept) == len(fields):  # so Connection is not there either
        return kept
    named = [value for name, value in fields if name.lower() == "connection"]
    tokens = {token.strip(" \t").lower() for token in ",".join(named).split(",")}
    drop = tokens - _NEVER_NAMED
    return [field for field in kept if field[0].lower() not in drop]


def without_options(value: str, options: Collection[str]) -> str:
    """A value of Connection without some of its options, which are lower-case."""
    if not any(option in value.lower() for option in options):
        return value
    kept = (each for each in value.split(",") if each.strip(" \t").lower() not in options)
    return ",".join(kept)


def framed(fields: Iterable[Field], body: bytes, *, had_body: bool) -> list[Field]:
    """The fields with one Content-Length, that of the buffer, in its old place.

    ``had_body``: the request announced a body (also an empty one). A request
    that announced none gets no Content-Length (RFC 9110 section 8.6).
    """
    length = ("Content-Length", str(len(body)))
    out: list[Field] = []
    placed = not (had_body or body)
    for field in fields:
        if field[0].lower() != "content-length":
            out.append(field)
        elif not placed:
            out.append((field[0], length[1]))
            placed = True
    if not placed:
        out.append(length)
    return out


def with_host(fields: Iterable[Field], rule: str, authority: str) -> list[Field]:
    """The fields with the Host an upstream is to see.

    ``rule``: ``"keep"`` the client's (``authority`` only where it sent none,
    as HTTP/1.0 may), ``"upstream"`` for ``authority``, else the literal value.
    """
    fields = list(fields)
    if rule == "keep":
        for name, _ in fields:
            if name.lower() == "host":
                return fields
        rule = "upstream"
    host = ("Host", authority if rule == "upstream" else rule)
    rest = [field for field in fields if field[0].lower() != "host"]
    return [host, *rest]


def rewritten(
    fields: Iterable[Field], set_: Mapping[str, str], remove: Iterable[str]
) -> list[Field]:
    """The fields less ``remove``, with ``set_`` in place of what had those names."""
    drop = {name.lower() for name in remove} | {name.lower() for name in set_}
    kept = [field for field in fields if field[0].lower() not in drop]
    return [*kept, *set_.items()]


def varied(fields: Iterable[Field], by: str) -> list[Field]:
    """An answer's fields with a name in Vary: caches must tell such answers apart."""
    out, place = list(fields), -1
    for index, (name, value) in enumerate(out):
        if name.lower() == "vary":
            place = index
            if {"*", by.lower()} & {each.strip(" \t") for each in value.lower().split(",")}:
                return out
    if place < 0:
        return [*out, ("Vary", by)]
    out[place] = (out[place][0], f"{out[place][1]}, {by}")
    return out
