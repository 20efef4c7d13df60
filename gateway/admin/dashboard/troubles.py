"""What is wrong at this moment, and what to do about it.

Figures of hours say what was; a shadow that is down now is in them as one percent. So this
looks at now: who can be connected to, who is given a rest, and the ledger's last minutes.
Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from gateway.isolation.guard import WHY as ISOLATION
from gateway.store.values import LedgerCount

# The ledger is kept by the minute: this one, and the one before where it is needed.
_SPAN = "the last two minutes"
# So many copies say how a shadow is doing.
_ENOUGH = 20
# Over this share of copies a shadow is failing, or is not keeping up.
_MUCH = 0.01
# Over this one it is hardly there; under it, it may be back already.
_MOST = 0.1

_SLOWER = "Mirror a smaller share of the requests: gateway shadow {name} --percent 10"
_TRIED = "copies go on when one of them, sent every few seconds, is answered."
_FAILED = MappingProxyType(
    {
        "connect": (
            "cannot be connected to",
            "Is it running, is its url right, and its certificate?",
        ),
        "timed_out": (
            "does not answer in time",
            "Find out what it waits for, or raise its timeout.",
        ),
        "reset": (
            "breaks connections before its answers are complete",
            "Does it crash? Its own log may say why.",
        ),
        "bad_answer": (
            "answers with something that is not HTTP",
            "Is its url that of an HTTP server?",
        ),
        "internal": (
            "is not sent some copies: an error of the gateway's own",
            "The gateway's log has the traceback.",
        ),
    }
)
_DROPPED = MappingProxyType(
    {
        "queue_full": ("is slower than the requests come", _SLOWER),
        "bytes_full": (
            "is too slow for bodies as large as these",
            f"{_SLOWER}, or raise mirror.max_queue_bytes.",
        ),
        "overloaded": ("gets fewer copies, since live needs all there is", _SLOWER),
        "hook_failed": (
            "gets fewer copies, since a hook raises or has no time",
            "The log has the traceback.",
        ),
    }
)


Level = Literal["bad", "early"]


class Moment(NamedTuple):
    """How things are now. ``live``: why it cannot be reached, None when it can.

    ``serving``: workers that take requests. ``shadows``: as ``/api/shadows`` tells them,
    each with ``unreachable``: why it cannot be connected to, None when it can.
    """

    live: str | None
    serving: int
    shadows: list[dict[str, Any]]


class Trouble(Struct, frozen=True):
    """``level``: ``bad`` or ``early`` (worth a look). ``about``: live, workers, or a shadow.

    ``state``: unreachable, failing, resting, dropping, off, or none (workers).
    ``text``: what is wrong, a sentence. ``advice``: what to do, and what it means meanwhile.
    """

    level: Level
    about: str
    state: str
    text: str
    advice: str


def recent(ledger: Callable[[float], list[LedgerCount]], now: float) -> list[LedgerCount]:
    """The ledger of this minute, or of the one before too while this one says little.

    ``ledger``: asks for it since a time. It is kept by the minute.
    """
    found = ledger(now)
    if sum(each.number for each in found if each.outcome != "skipped") >= _ENOUGH:
        return found
    return ledger(now - 60)


def troubles(moment: Moment, ledger: Iterable[LedgerCount]) -> list[Trouble]:
    """The worst first. ``ledger``: of the last minute, see ``recent``."""
    counts = list(ledger)
    found = [*_of_live(moment)]
    for shadow in moment.shadows:
        mine = [each for each in counts if each.shadow == shadow["name"]]
        found += _of_shadow(shadow, mine)
    return sorted(found, key=lambda each: each.level != "bad")


def _of_live(moment: Moment) -> Iterator[Trouble]:
    if moment.live is not None:
        yield Trouble(
            "bad",
            "live",
            "unreachable",
            f"Live cannot be reached: {moment.live}.",
            "Clients get 502. Start it, or correct live.url and run: gateway reload",
        )
    if not moment.serving:
        yield Trouble(
            "bad",
            "workers",
            "none",
            "No worker takes requests.",
            "Clients get no answers. The gateway's log says why its workers end.",
        )


def _of_shadow(shadow: Mapping[str, Any], recent: list[LedgerCount]) -> Iterator[Trouble]:
    """One for each shadow at most: the first is the cause of the others."""
    name = str(shadow["name"])
    if shadow["off"]:
        yield _off(name, str(shadow.get("why") or ""))
    elif shadow["unreachable"] is not None:
        yield Trouble(
            "bad",
            name,
            "unreachable",
            f"Shadow {name} cannot be reached: {shadow['unreachable']}.",
            "Start it, or correct its url and run: gateway reload. Clients do not notice, and "
            "copies go on by themselves; until then nothing is compared.",
        )
    else:
        yield from _failing(shadow, recent)


def _off(name: str, why: str) -> Trouble:
    if why == ISOLATION:
        return Trouble(
            "bad",
            name,
            "off",
            f"Mirroring to {name} switched itself off: it cost live more than its budget.",
            f"Find out what slowed live down (below: isolation), then: gateway shadow {name} "
            "--reset",
        )
    text = f"Shadow {name} is switched off, and gets no copies."
    return Trouble("early", name, "off", text, f"To go on: gateway shadow {name} --reset")


def _failing(shadow: Mapping[str, Any], recent: list[LedgerCount]) -> Iterator[Trouble]:
    name = str(shadow["name"])
    failed = _reasons(recent, "failed")
    if not str(shadow["url"]).startswith("https:"):
        del failed["connect"]  # it can be connected to: that is over
    dropped = _reasons(recent, "dropped")
    answered = sum(each.number for each in recent if each.outcome == "answered")
    offered = answered + failed.total() + dropped.total()
    resting = int(shadow["resting_workers"])
    if failed.total() > _MUCH * offered:
        reason, _ = failed.most_common(1)[0]
        what, advice = _FAILED.get(reason, (f"fails ({reason})", "Look at its log."))
        text = f"Shadow {name} {what}: {_of(failed.total(), offered)} failed in {_SPAN}."
        if resting:
            advice += f" It is given a rest: {_TRIED}"
        level: Level = "bad" if failed.total() > _MOST * offered else "early"
        yield Trouble(level, name, "resting" if resting else "failing", text, advice)
    elif resting:
        workers = f"{resting} {'worker' if resting == 1 else 'workers'}"
        text = f"Shadow {name} is given a rest in {workers}, after failures in a row."
        yield Trouble("early", name, "resting", text, f"Nothing has to be done: {_TRIED}")
    else:
        yield from _lagging(name, dropped, offered)


def _lagging(name: str, dropped: Counter[str], offered: int) -> Iterator[Trouble]:
    # A rest follows from failures, and draining is how workers end.
    number = sum(dropped[reason] for reason in _DROPPED)
    if number > _MUCH * offered:
        reason = max(_DROPPED, key=lambda each: dropped[each])
        what, advice = _DROPPED[reason]
        text = f"Shadow {name} {what}: {_of(number, offered)} dropped in {_SPAN}."
        yield Trouble("early", name, "dropping", text, advice.format(name=name))


def _reasons(recent: list[LedgerCount], outcome: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in recent:
        if each.outcome == outcome:
            found[each.reason] += each.number
    return found


def _of(number: int, offered: int) -> str:
    return f"{number} of {offered} {'copy' if offered == 1 else 'copies'}"
