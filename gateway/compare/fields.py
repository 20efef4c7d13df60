"""Header fields of two answers: which of them count, and what is the same in them.

By default what two runs of one program would differ in does not count: when and by
whom an answer was made, ids of the request, and what follows from the bytes of the
body, which are compared themselves. Values are compared as RFC 9110 lets any proxy
change them: lists that were joined, spaces around.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gateway.compare.found import Found
from gateway.compare.leaves import Patience
from gateway.compare.media import media_type
from gateway.compare.pointers import escaped
from gateway.compare.rules import Rules
from gateway.compare.verdict import Difference, Kind, Part
from gateway.headers import HOP_BY_HOP, Field

# docs/comparison.md has the same list; a test compares them.
NEVER_COUNT = HOP_BY_HOP | {
    # When and by whom it was made, and how long that took.
    *("date", "age", "expires", "server", "via", "x-powered-by", "x-served-by"),
    *("server-timing", "x-runtime", "x-response-time", "x-process-time"),
    # Ids of a request or of a span.
    *("x-request-id", "x-correlation-id", "x-trace-id", "traceparent", "tracestate"),
    *("x-amzn-requestid", "x-amzn-trace-id", "x-b3-traceid", "x-b3-spanid", "cf-ray"),
    # What is left of a rate.
    *("ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-rate-limit-remaining"),
    # Of the bytes of the body, which are compared themselves.
    *("content-length", "content-encoding", "etag", "content-md5", "digest"),
    *("content-digest", "repr-digest"),
}
# Lists whose order and case do not matter.
_SETS = frozenset(
    {
        "vary",
        "allow",
        "cache-control",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-expose-headers",
    }
)
_COOKIE_TIMES = frozenset({"expires"})


def compare_fields(
    live: Iterable[Field], shadow: Iterable[Field], rules: Rules, found: Found, patience: Patience
) -> None:
    """Notes where the fields differ. Raises ``TooSlow``."""
    if live == shadow:
        return
    one, other = _by_name(live), _by_name(shadow)
    for name in {**one, **other}:
        if one.get(name) != other.get(name) and _counts(name, rules, found):
            _compare(name, one.get(name, []), other.get(name, []), rules, found, patience)


def _by_name(fields: Iterable[Field]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = defaultdict(list)
    for name, value in fields:
        named[name.lower()].append(value.strip(" \t"))
    return dict(named)


def _counts(name: str, rules: Rules, found: Found) -> bool:
    if rules.only_headers:
        return name in rules.only_headers
    if name in rules.ignore_headers:
        found.ignored += 1
        return False
    return name not in NEVER_COUNT


def _compare(
    name: str,
    live: list[str],
    shadow: list[str],
    rules: Rules,
    found: Found,
    patience: Patience,
) -> None:
    if name == "set-cookie":
        _compare_cookies(live, shadow, found, values=rules.cookie_values)
        return
    one, other = ", ".join(live), ", ".join(shadow)
    if not live or not shadow:
        _add(name, one if live else None, other if shadow else None, found)
    elif _same(name, one, other):
        return
    elif name in rules.header_texts and patience.normalised(
        one, rules.header_texts[name]
    ) == patience.normalised(other, rules.header_texts[name]):
        found.ignored += 1
    else:
        _add(name, one, other, found)


def _same(name: str, live: str, shadow: str) -> bool:
    if name in _SETS:
        return _members(live) == _members(shadow)
    if name == "content-type":
        return media_type(live) == media_type(shadow)
    return live == shadow


def _members(value: str) -> frozenset[str]:
    return frozenset(each.strip(" \t").lower() for each in value.split(",")) - {""}


def _compare_cookies(live: list[str], shadow: list[str], found: Found, *, values: bool) -> None:
    """By name. A value is mostly new each time; whether there is one is not."""
    one, other = _cookies(live, values=values), _cookies(shadow, values=values)
    for name in {**one, **other}:
        cookie, its = one.get(name), other.get(name)
        if cookie is None or its is None or cookie[1:] != its[1:]:
            _add("set-cookie", cookie and cookie[0], its and its[0], found)


def _cookies(fields: list[str], *, values: bool) -> dict[str, tuple[str, object, object]]:
    """By name: the field, what counts of its value, and its attributes (RFC 6265 section 5.2)."""
    cookies: dict[str, tuple[str, object, object]] = {}
    for field in fields:
        pair, *attributes = field.split(";")
        name, _, value = pair.partition("=")
        named = (attribute.strip(" \t").partition("=") for attribute in attributes)
        kept = frozenset(
            (key.lower(), text) for key, _, text in named if key.lower() not in _COOKIE_TIMES
        )
        cookies[name.strip(" \t")] = (field, value if values else value == "", kept)
    return cookies


def _add(name: str, live: str | None, shadow: str | None, found: Found) -> None:
    kind = Kind.VALUE
    if shadow is None:
        kind = Kind.MISSING
    elif live is None:
        kind = Kind.ADDED
    pointer = f"/{escaped(name)}"
    found.add(Difference(Part.HEADERS, kind, pointer, pointer, live, shadow))
