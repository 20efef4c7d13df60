"""Which content coding a client gets, by what it says in ``Accept-Encoding``.

A pure function: a field's value and the codings on offer in, one of them or
nothing out. In doubt it is nothing, since every client can read an answer that
is not encoded. Never a ``406``: RFC 9110 section 12.5.3 has a server send the
answer unencoded when no acceptable coding is left.
"""

from __future__ import annotations

import re
from functools import lru_cache

# RFC 9110 section 12.4.2; in thousandths, so that weights compare exactly.
_WEIGHT = re.compile(r"[qQ]=(?:(1)(?:\.0{0,3})?|0(?:\.([0-9]{0,3}))?)")
# RFC 9110 section 8.4.1.3: an old name for the same coding.
_ALIASES = {"x-gzip": "gzip"}
# Longer values are worked out anew each time: what is remembered of clients stays small.
_LONGEST_REMEMBERED = 200


def negotiate(accept_encoding: str | None, offered: tuple[str, ...]) -> str | None:
    """The coding the client likes best; None: send the answer as it is.

    ``offered``: what we can do; the first of those it likes equally wins.
    """
    if not accept_encoding:
        # Without the field any coding would do, and with an empty one none.
        return None
    if len(accept_encoding) > _LONGEST_REMEMBERED:
        return _negotiated(accept_encoding, offered)
    return _remembered(accept_encoding, offered)


def _negotiated(accept_encoding: str, offered: tuple[str, ...]) -> str | None:
    weights = _weights(accept_encoding)
    others = weights.get("*", 0)
    best, most = None, 0
    for coding in offered:
        weight = weights.get(coding, others)
        if weight > most:
            best, most = coding, weight
    return None if weights.get("identity", 0) > most else best


_remembered = lru_cache(maxsize=256)(_negotiated)


def _weights(accept_encoding: str) -> dict[str, int]:
    """The weight of each coding named; of one that is named twice, the least."""
    weights: dict[str, int] = {}
    for element in accept_encoding.split(","):
        name, semicolon, parameter = element.partition(";")
        coding = name.strip(" \t").lower()
        coding = _ALIASES.get(coding, coding)
        weight = _weight(parameter.strip(" \t")) if semicolon else 1000
        weights[coding] = min(weight, weights.get(coding, weight))
    return weights


def _weight(parameter: str) -> int:
    """A weight in thousandths; 0 for what is none: a coding asked for so is not wanted."""
    found = _WEIGHT.fullmatch(parameter)
    if found is None:
        return 0
    return 1000 if found[1] else int((found[2] or "").ljust(3, "0"))
