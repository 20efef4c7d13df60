"""Request ids: taken from the client when well formed, else made.

The id ties the log line, the copy each shadow gets (its mark) and the recorded
verdict together, and is the default sampling key.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

# Short enough to log, plain enough to need no escaping anywhere.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
# W3C Trace Context, section 3.2: version-traceid-parentid-flags; all-zero ids are invalid.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# Where an id may be taken from, the best first: a field, its key in environ, and its form.
SOURCES: Final = ("x-request-id", "traceparent")
_KEYS: Final = MappingProxyType(
    {
        "x-request-id": ("HTTP_X_REQUEST_ID", _REQUEST_ID),
        "traceparent": ("HTTP_TRACEPARENT", _TRACEPARENT),
    }
)

# The random parts of ids to come. One call for randomness gives up the interpreter
# lock, which costs more than the randomness: it is fetched for many ids at once.
# Whoever pops one has it alone (deque's methods are atomic); a child process starts
# with none, so that it never makes an id that its parent makes too.
_BATCH = 256
_tails: deque[str] = deque()
os.register_at_fork(after_in_child=_tails.clear)


def new_request_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7): unique, and sorts by time of arrival."""
    moment = f"{time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF:012x}"
    try:
        tail = _tails.pop()
    except IndexError:
        tail = _refill()
    return f"{moment[:8]}-{moment[8:]}{tail}"


def _refill() -> str:
    noise = os.urandom(10 * _BATCH)
    _tails.extend(_tail(noise[at : at + 10]) for at in range(10, len(noise), 10))
    return _tail(noise[:10])


def _tail(noise: bytes) -> str:
    """``-7xxx-yxxx-xxxxxxxxxxxx``: the version, the variant (y is 8 to b), and 74 random bits."""
    text = noise.hex()
    variant = "89ab"[noise[9] & 3]
    return f"-7{text[:3]}-{variant}{text[3:6]}-{text[6:18]}"


def request_id_of(environ: Mapping[str, Any], sources: Sequence[str] = SOURCES) -> str:
    """The client's ``X-Request-Id`` or trace id when well formed, else a new id.

    ``sources``: which of ``SOURCES`` are believed, the first one first.
    """
    for source in sources:
        key, form = _KEYS[source]
        sent = environ.get(key)
        if sent is not None:
            found = form.fullmatch(sent)
            if found is not None:
                return str(found[found.lastindex or 0])
    return new_request_id()
