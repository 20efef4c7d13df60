"""What answers may be encoded on their way, and what that changes in their fields.

Pure functions over status and fields (RFC 9110 sections 8.4, 8.8.3 and 12.5.5).
They refuse in doubt: an answer that is left as it is, is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from gateway.headers import Field, Fields, varied

# No body (RFC 9110 section 6.4.1; 205 by section 15.3.6), or only ranges of one.
_NEVER_STATUS = frozenset({204, 205, 206, 304})
# Encoded already, ranges, or fields that vouch for the very bytes live sent:
# RFC 9530 for the digests, RFC 9421 for signatures.
_NEVER_FIELDS = frozenset(
    {
        "content-encoding",
        "content-range",
        "content-digest",
        "repr-digest",
        "digest",
        "content-md5",
        "signature",
    }
)
# Events are to be seen one by one, and each is small.
_EVENT_STREAM = "text/event-stream"


def media_types(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a Content-Type is one of ``type/subtype`` patterns, in which * is any text."""
    each = ["[^/]*".join(map(re.escape, pattern.lower().split("*"))) for pattern in patterns]
    matches = re.compile("|".join(each) or "(?!)").fullmatch

    def wanted(content_type: str) -> bool:
        kind = content_type.partition(";")[0].strip(" \t").lower()
        return kind != _EVENT_STREAM and matches(kind) is not None

    return wanted


def may_encode(status: int, fields: Fields, wanted: Callable[[str], bool], min_size: int) -> bool:
    """Whether an answer like this is encoded for some clients, whoever asked for it."""
    if status < 200 or status in _NEVER_STATUS:
        return False
    right_type = False
    for name, value in fields:
        lower = name.lower()
        if lower in _NEVER_FIELDS:
            return False
        if lower == "content-type":
            right_type = wanted(value)
        elif lower == "content-length":
            if not _is_large(value, min_size):
                return False
        elif lower == "cache-control" and forbids_transforming(value):
            return False
    return right_type


def _is_large(length: str, min_size: int) -> bool:
    return length.isascii() and length.isdigit() and int(length) >= max(1, min_size)


def forbids_transforming(cache_control: str) -> bool:
    """RFC 9111 sections 5.2.1.6 and 5.2.2.6. In a quoted text it counts too: in doubt, no."""
    return "no-transform" in cache_control.lower()


def content_length(fields: Fields) -> int | None:
    """How long the answer says it is; for one that ``may_encode``."""
    return next((int(v) for name, v in fields if name.lower() == "content-length"), None)


def encoded(fields: Sequence[Field], coding: str) -> list[Field]:
    """The fields of the encoded answer, without a length.

    Ranges of live's bytes are not ranges of these: Accept-Ranges goes.
    """
    out = []
    for name, value in varied(fields, "Accept-Encoding"):
        lower = name.lower()
        if lower == "etag":
            weak = weak_etag(value)
            out += [(name, weak)] if weak else []
        elif lower not in {"content-length", "accept-ranges"}:
            out.append((name, value))
    return [*out, ("Content-Encoding", coding)]


def weak_etag(etag: str) -> str | None:
    """RFC 9110 section 8.8.1: not the same bytes any more, but the same content."""
    if etag.startswith("W/"):
        return etag
    return f"W/{etag}" if etag.startswith('"') else None


def revalidated(fields: Sequence[Field], if_none_match: str) -> list[Field]:
    """The fields of a ``304`` to a client that has the encoded answer.

    It knows the answer by the weak form of live's ETag, and is told that form
    again (RFC 9110 section 15.4.5).
    """
    for index, (name, value) in enumerate(fields):
        if name.lower() == "etag" and value.startswith('"') and f"W/{value}" in if_none_match:
            changed = [*fields[:index], (name, f"W/{value}"), *fields[index + 1 :]]
            return varied(changed, "Accept-Encoding")
    return list(fields)
