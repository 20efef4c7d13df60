"""Text that every database takes.

A leaf. Names and pointers come from clients and upstreams: PostgreSQL knows no NUL,
neither it nor SQLite lone surrogates (which JSON can spell), and an index has its limits.
"""

from __future__ import annotations

import re

_UNFIT = re.compile(r"[\x00\ud800-\udfff]")
_LONGEST = 500


def storable(text: str) -> str:
    """The text itself, nearly always."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return _UNFIT.sub("\ufffd", text)
