"""Whether bytes are one plain, complete request: enough to refuse it without reading it.

Under overload most requests are refused because they came too late, whatever
they say; parsing them would cost as much as all the rest of the refusal.
Nothing here decides what a request means, and nothing that was only glanced at
goes anywhere: whatever is not plainly one request alone is left to the parser.
"""

from __future__ import annotations

import re

# Methods whose refusal has a body, and the version that keeps connections by itself.
_PLAIN_LINE = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE|OPTIONS) [^\s]{1,2048} HTTP/1\.1\r\n")
_LENGTH = b"\r\ncontent-length:"
_UNUSUAL = (b"\r\ntransfer-encoding", b"\r\nconnection", b"\r\nexpect", b"\r\nupgrade")


def one_plain_request(data: bytes) -> bool:
    """Whether ``data`` is exactly one HTTP/1.1 request, its body included."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or _PLAIN_LINE.match(data) is None:
        return False
    head = data[: end + 2].lower()
    if any(name in head for name in _UNUSUAL):
        return False
    return end + 4 + _length(head) == len(data)


def _length(head: bytes) -> int:
    """What Content-Length says, 0 without one; -1 when it cannot be taken at its word."""
    at = head.find(_LENGTH)
    if at < 0:
        return 0
    value = head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)].strip(b" \t")
    if not value.isdigit() or head.find(_LENGTH, at + 2) >= 0:
        return -1
    return int(value[:18])
