"""The request-target as the client sent it.

Everything that depends on a target (routing, forwarding, mirroring, logging)
uses the one value built here; nothing decodes, joins or normalises it, because
a target that is read twice can be read differently (RFC 9112 section 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gateway.errors import BadRequest

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
# Nor "#": a fragment is no part of a request (RFC 9112 section 3.2). Servers that cut it off
# would see another path than the rules do.
_FORBIDDEN = re.compile(r"[\x00-\x20#\x7f]")
_PATH_END = re.compile(r"[?#]")
# What RFC 3986 section 3.3 allows in a path, so that a rebuilt target is valid.
PATH_SAFE = "/-._~!$&'()*+,;=:@"


def raw_target(environ: Mapping[str, Any]) -> str:
    """The target in origin-form or ``*``, as text of latin-1 bytes.

    ``RAW_URI`` is gunicorn's name for it, ``REQUEST_URI`` that of uWSGI,
    mod_wsgi and werkzeug; where a server keeps neither it is rebuilt, and
    escapes the server decoded are lost (documented in docs/deploying.md).
    Raises ``BadRequest`` for what cannot be put on a request line.
    """
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or _rebuilt(environ)
    target = raw if raw[0] in "/*" else _without_authority(raw, environ["REQUEST_METHOD"])
    if _FORBIDDEN.search(target):
        raise BadRequest('The request target has a space, a "#" or a control character; escape it.')
    return target


def path_for_rules(environ: Mapping[str, Any]) -> str:
    """The path that a middleware's rules look at: that of the raw target.

    Refuses nothing: a target that cannot be forwarded has rules all the same.
    """
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or _rebuilt(environ)
    if raw[0] not in "/*":
        authority = _ABSOLUTE.match(raw)
        rest = raw[authority.end() :] if authority else raw
        raw = rest if rest.startswith("/") else "/" + rest
    return _PATH_END.split(raw, maxsplit=1)[0]


def path_of(target: str) -> str:
    """The target up to its query."""
    return target.partition("?")[0]


def _without_authority(raw: str, method: str) -> str:
    """Absolute-form, reduced: the upstream is the configured one, whoever it names.

    RFC 9112 section 3.2.4: ``OPTIONS http://host`` asks about the server as a
    whole and is forwarded as ``*``.
    """
    authority = _ABSOLUTE.match(raw)
    if authority is None:
        raise BadRequest('The request target must start with "/".')
    rest = raw[authority.end() :]
    if rest.startswith("/"):
        return rest
    if not rest and method == "OPTIONS":
        return "*"
    return "/" + rest


def _rebuilt(environ: Mapping[str, Any]) -> str:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING", "")
    target = quote(path.encode("latin-1"), safe=PATH_SAFE) or "/"
    return f"{target}?{query}" if query else target
