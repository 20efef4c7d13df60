"""The vocabulary of the declarations in ``model.py`` and the modules it is made of.

Types with their bounds, units and expectations; what a setting means is said
where it is declared.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

# What a ``Meta`` says beside its bounds; read by ``declared.py``.
#   description        what the setting does: a line of the reference page
#   extra["expected"]  what a value must be: the end of "expected …" in a problem
#   extra["format"]    a check in ``formats.py``, by name
#   extra["unit"]      "seconds" or "bytes": "250ms" and "10MiB" are understood too
#   extra["secret"]    its value is never shown
#
# The upper bounds are there for slips of the keyboard; poll(2) takes its
# time-out as milliseconds in 32 bits (24 days), hence a week for durations.
_WEEK = 7 * 24 * 3600

Url = Annotated[
    str,
    Meta(
        extra={
            "format": "url",
            "expected": "an http://, https:// or http+unix:// URL "
            "without query, fragment or credentials",
        }
    ),
]
Address = Annotated[
    str, Meta(extra={"format": "address", "expected": "HOST:PORT, [IPV6]:PORT or unix:PATH"})
]
Host = Annotated[
    str,
    Meta(
        extra={
            "format": "host",
            "expected": '"keep" (the client\'s), "upstream" (that of `url`), '
            "or a literal HOST[:PORT]",
        }
    ),
]
Pattern = Annotated[
    str,
    Meta(
        extra={
            "format": "path",
            "expected": 'a path that starts with "/": a prefix, '
            "or a pattern with * (one segment) and ** (any)",
        }
    ),
]
Method = Annotated[
    str, Meta(extra={"format": "method", "expected": "an upper-case method such as GET"})
]
FieldName = Annotated[
    str,
    Meta(extra={"format": "token", "expected": "a header field name (RFC 9110 section 5.1)"}),
]
FieldValue = Annotated[
    str,
    Meta(
        extra={
            "format": "field-value",
            "expected": "a header field value: visible ASCII, with spaces only between",
        }
    ),
]
MediaRange = Annotated[
    str,
    Meta(
        extra={
            "format": "media-range",
            "expected": "a content type such as text/html or text/*, without parameters",
        }
    ),
]
Network = Annotated[
    str,
    Meta(
        extra={
            "format": "network",
            "expected": "an IP address or a network such as 10.0.0.0/8 or 2001:db8::/32",
        }
    ),
]
Proxy = Annotated[
    str,
    Meta(
        extra={
            "format": "proxy",
            "expected": "an IP address, a network such as 10.0.0.0/8, or "
            '"unix" for whoever connects through a Unix socket',
        }
    ),
]
WebOrigin = Annotated[
    str,
    Meta(
        extra={
            "format": "web-origin",
            "expected": "an origin such as https://app.example.com or https://*.example.com, "
            '"*" for any, or "null"',
        }
    ),
]
File = Annotated[
    str, Meta(extra={"format": "file", "expected": "the path of a file", "path": True})
]
Folder = Annotated[
    str, Meta(extra={"format": "folder", "expected": "the path of a folder", "path": True})
]
Percent = Annotated[float, Meta(ge=0, le=100, extra={"expected": "a number from 0 to 100"})]
Count = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[
    float,
    Meta(
        gt=0,
        le=_WEEK,
        extra={"unit": "seconds", "expected": 'seconds, or a text such as "250ms"'},
    ),
]
Bytes = Annotated[
    int,
    Meta(
        ge=0,
        le=2**40,
        extra={"unit": "bytes", "expected": 'bytes, or a text such as "10MiB"'},
    ),
]


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: immutable, by keyword, no unknown keys."""
