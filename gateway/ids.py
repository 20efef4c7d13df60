"""Request ids: taken from the client when well formed, else made.

The id ties the log line, the copy each shadow gets (its mark) and the recorded
verdict together, and is the default sampling key.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

# Short enough to log, plain enough to need no escaping anywhere.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
# W3C Trace Context, section 3.2: version-traceid-parentid-flags; all-zero ids are invalid.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def new_request_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7): unique, and sorts by time of arrival."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80 | noise
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def request_id_of(environ: Mapping[str, Any]) -> str:
    """The client's ``X-Request-Id`` or trace id when well formed, else a new id."""
    sent = environ.get("HTTP_X_REQUEST_ID")
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return str(sent)
    trace = environ.get("HTTP_TRACEPARENT")
    if trace is not None:
        parsed = _TRACEPARENT.fullmatch(trace)
        if parsed is not None:
            return str(parsed[1])
    return new_request_id()
