"""The request's header fields as a list, which environ cannot hold.

WSGI joins repeated fields with commas and loses their order (PEP 3333); a
gateway must forward both.  gunicorn upper-cases names while parsing, so the
client's own spelling is gone: names are given in the usual one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1024)
def usual_name(name: str) -> str:
    """``X-REQUEST-ID`` as ``X-Request-Id``.

    The cache is bounded, since names come from clients.
    """
    return name.title()


def field_list(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Name and value of every field, in the order received, repeats kept."""
    return [(usual_name(name), value) for name, value in headers]


def connection_options(headers: Iterable[tuple[str, str]]) -> set[str]:
    """Everything all ``Connection`` fields name, lower-cased (RFC 9110 section 7.6.1).

    gunicorn reads only the first field, and only when it holds one option.
    """
    options: set[str] = set()
    for name, value in headers:
        if len(name) == 10 and name.lower() == "connection":
            options.update(option.strip(" \t").lower() for option in value.split(","))
    return options
