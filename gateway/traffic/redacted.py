"""Redaction of what is recorded, and what that means for who sends it again and compares.

Digests stand in recordings in place of secrets. Sent again they would be nonsense in
place of a credential, and what is answered is never equal to one. What still can be
told is told: that a value is missing, or is of another type.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.compare.answer import Answer
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Comparison, Difference, Judged, Kind, Part, Verdict
from gateway.headers import Field
from gateway.settings.comparison import Compare as Config
from gateway.shadow.copy import Copy
from gateway.traffic.recorded import Recorded

# The reason why an answer cannot be compared, when nothing else differs.
REDACTED = "redacted"

_DIGEST = re.compile(r"redacted:([a-z]+):[0-9]+:[0-9a-f]{16}")
_WHOLE_BODY = re.compile(_DIGEST.pattern.encode())
_LONGEST = 64
_ORDER = ((Part.STATUS, Verdict.STATUS), (Part.HEADERS, Verdict.HEADERS), (Part.BODY, Verdict.BODY))
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "boolean"),  # which is an int too, for Python
    ((int, float, Decimal), "number"),
    (str, "text"),
    (dict, "object"),
    ((list, tuple), "array"),
)

Compare = Callable[[Copy, Answer, Answer], Comparison]


def redacting(
    config: Config, secret_fields: tuple[str, ...] = ()
) -> Callable[[Recorded], Recorded]:
    """What makes an exchange fit to be recorded. ``secret_fields``: with credentials, too."""
    # Nobody compares digests of recordings with others: the key need not outlive us.
    redactor = Redactor(config, secrets.token_bytes(32), extra_fields=secret_fields)
    nothing = Comparison(Verdict.NOT_COMPARED)

    def redact(recorded: Recorded) -> Recorded:
        request, live, at, route = recorded
        judged = redactor.redacted(Judged("", request, route, at, live, None, nothing))
        # A keyed digest of a body equals nothing that a replay could compare it with.
        kept = judged.live and judged.live._replace(digest=None)
        return Recorded(judged.request, kept, at, route)

    return redact


def is_redacted(field: Field) -> bool:
    """Whether a header field's value has a digest in it."""
    return _DIGEST.search(field[1]) is not None


def has_digest(value: object) -> bool:
    """Whether there is a digest anywhere in a value."""
    return _DIGEST.search(repr(value)) is not None


def has_hidden_body(request: Copy) -> bool:
    """Whether there is a digest in place of the whole body: it cannot be sent again."""
    return len(request.body) < _LONGEST and _WHOLE_BODY.fullmatch(request.body) is not None


def leniently(compare: Compare) -> Compare:
    """``compare``, of which differences from digests do not count that tell nothing."""

    def compared(request: Copy, live: Answer, got: Answer) -> Comparison:
        return _without_digests(compare(request, live, got))

    return compared


def _without_digests(comparison: Comparison) -> Comparison:
    kept = tuple(each for each in comparison.differences if not _tells_nothing(each))
    hidden = len(comparison.differences) - len(kept)
    if not hidden:
        return comparison
    ignored = comparison.ignored + hidden
    parts = {each.part for each in kept}
    for part, verdict in _ORDER:
        if part in parts:
            return comparison._replace(verdict=verdict, differences=kept, ignored=ignored)
    if any(each.kind is Kind.CONTENT for each in comparison.differences):
        # The body as a whole, of which the digest is a part or all there is.
        return Comparison(Verdict.NOT_COMPARED, REDACTED)
    return Comparison(Verdict.MATCH, "", (), ignored, comparison.drift)


def _tells_nothing(difference: Difference) -> bool:
    if difference.kind in (Kind.MISSING, Kind.ADDED, Kind.REQUIRED, Kind.STATUS):
        return False
    live = difference.live
    whole = _DIGEST.fullmatch(live) if isinstance(live, str) else None
    if whole is not None and difference.part is Part.BODY and difference.kind is not Kind.CONTENT:
        return _kind_of(difference.shadow) == whole[1] and difference.shadow not in ("", [], {})
    return has_digest(live)


def _kind_of(value: Any) -> str:
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "null")
