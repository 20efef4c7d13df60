"""A replay's results for people and for programs.

What targets answered is in it: nothing they say reaches a terminal but printable text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.compare.verdict import Count
from gateway.traffic.results import Group, GroupKey, Results, Times

# More groups than this nobody reads; the JSON has them all.
_MOST_SHOWN = 20
_WIDTH = 60
# Later than this, and the figures are the client's rather than the target's.
_LATE_SECONDS = 0.1

_encode = msgspec.json.Encoder(decimal_format="number").encode

_COUNT_WORDS = {
    Count.MATCH: "match",
    Count.MATCH_AFTER_IGNORING: "match after ignoring",
    Count.DIFFERS: "differ",
    Count.NOT_COMPARABLE: "not comparable",
    Count.SHADOW_FAILED: "failed",
}


def text_of(results: Results, to: str, seconds: float) -> Iterator[str]:
    """Lines for a terminal."""
    rate = f" ({results.sent / seconds:.1f}/s)" if seconds > 0 else ""
    yield f"sent {results.sent} to {to} in {seconds:.1f} s{rate}"
    if not results.sent:
        return
    yield from _answers(results)
    yield from _lags(results.lag)
    if results.compared:
        yield from _compared(results)


def _answers(results: Results) -> Iterator[str]:
    if results.statuses:
        yield f"answers    {_counted({str(k): n for k, n in results.statuses.items()})}"
    if results.failed:
        yield f"no answer  {_counted(results.failed)}"
    if results.latency is not None:
        live = results.live_latency
        recorded = "" if live is None else f"; recorded: {_times(live)}"
        yield f"latency    {_times(results.latency)}{recorded}"


def _lags(lag: Times | None) -> Iterator[str]:
    if lag is None or lag.worst < 0.001:
        return
    yield f"lag        {_times(lag)}"
    if lag.p99 > _LATE_SECONDS:
        yield (
            "           requests were sent late: give more --concurrency, or less speed; "
            "latencies say little"
        )


def _compared(results: Results) -> Iterator[str]:
    counts = ((results.counts[count], word) for count, word in _COUNT_WORDS.items())
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    yield f"compared   {results.match_percent:.2f} % match ({told})"
    if results.reasons:
        yield f"           not comparable: {_counted(results.reasons)}"
    if results.groups:
        yield ""
        yield "differences"
    for number, (key, group) in enumerate(results.by_count()):
        if number == _MOST_SHOWN:
            yield f"  and {len(results.groups) - number} more groups (--format json has them)"
            break
        yield from _group(key, group)


def _group(key: GroupKey, group: Group) -> Iterator[str]:
    where = printable(key.pattern) if key.pattern else ""
    route = f" [{printable(key.route)}]" if key.route not in ("", "default") else ""
    what = key.kind if key.kind == key.part else f"{key.part} {key.kind}"
    yield f"  {group.count:>6}  {printable(key.method)}{route} {what} {where}".rstrip()
    difference = group.difference
    yield (
        f"          live {_value(difference.live)}, here {_value(difference.shadow)}, "
        f"as in {printable(group.example.request.target)}"
    )


def document_of(results: Results, to: str, seconds: float) -> str:
    """The same as JSON."""
    document: dict[str, Any] = {
        "to": to,
        "seconds": round(seconds, 3),
        "sent": results.sent,
        "statuses": {str(status): n for status, n in sorted(results.statuses.items())},
        "failed": dict(results.failed),
        "lag": _seconds(results.lag),
        "latency": _seconds(results.latency),
        "recorded_latency": _seconds(results.live_latency),
    }
    if results.compared:
        document["match_percent"] = round(results.match_percent, 4)
        document["counts"] = {count.value: results.counts[count] for count in Count}
        document["not_compared"] = dict(results.reasons)
        document["groups"] = [_described(*each) for each in results.by_count()]
        document["ungrouped"] = results.ungrouped
    return msgspec.json.format(_encode(document), indent=2).decode()


def _described(key: GroupKey, group: Group) -> dict[str, Any]:
    difference = group.difference
    return {
        **key._asdict(),
        "count": group.count,
        "pointer": difference.pointer,
        "live": difference.live,
        "here": difference.shadow,
        "target": group.example.request.target,
        "request_id": group.example.request.request_id,
    }


def _seconds(times: Times | None) -> dict[str, float] | None:
    if times is None:
        return None
    return {name: round(value, 6) for name, value in times._asdict().items()}


def _times(times: Times) -> str:
    return f"P50 {_duration(times.p50)}, P99 {_duration(times.p99)}, worst {_duration(times.worst)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _counted(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name}: {count}" for name, count in ranked)


def _value(value: object) -> str:
    return "nothing" if value is None else printable(_encode(value).decode())


def printable(text: str) -> str:
    """Text that a terminal only shows, and not too much of it."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"
