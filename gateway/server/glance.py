"""Whether bytes are one plain, complete request, and for what: enough to refuse it unread.

Under overload most requests are refused because they came too late, whatever
they say; parsing them would cost as much as all the rest of the refusal.
Nothing here decides what a request means, and nothing that was only glanced at
goes anywhere: whatever is not plainly one request alone is left to the parser.
"""

from __future__ import annotations

import re

# Methods whose refusal has a body, and the version that keeps connections by itself.
_PLAIN_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|OPTIONS) ([!-~]{1,2048}) HTTP/1\.1\r\n")
_LENGTH = b"\r\ncontent-length:"
_UNUSUAL = (b"\r\ntransfer-encoding", b"\r\nconnection", b"\r\nexpect", b"\r\nupgrade")


def one_plain_request(data: bytes) -> tuple[str, str] | None:
    """Method and target, if ``data`` is exactly one HTTP/1.1 request, its body included."""
    end = data.find(b"\r\n\r\n")
    line = _PLAIN_LINE.match(data)
    if end < 0 or line is None:
        return None
    head = data[: end + 2].lower()
    for name in _UNUSUAL:
        if name in head:
            return None
    if end + 4 + _length(head) != len(data):
        return None
    method, target = line.groups()
    return method.decode(), target.decode()


def _length(head: bytes) -> int:
    """What Content-Length says, 0 without one; -1 when it cannot be taken at its word."""
    at = head.find(_LENGTH)
    if at < 0:
        return 0
    value = head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)].strip(b" \t")
    if not value.isdigit() or head.find(_LENGTH, at + 2) >= 0:
        return -1
    return int(value[:18])
