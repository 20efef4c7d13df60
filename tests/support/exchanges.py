"""Exchanges as the comparison hands them over, and stores filled with them by the real writer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.verdict import Comparison, Drift, Judged, Verdict
from gateway.settings.comparison import Compare
from gateway.shadow.copy import Copy
from gateway.store.store import Pauses, Plan, Store

JSON = (("Content-Type", "application/json"),)


def request(target: str = "/invoices", method: str = "POST", body: Any = None, **more: Any) -> Copy:
    """A request; ``body`` is made JSON."""
    data = b"" if body is None else json.dumps(body).encode()
    fields = (("Host", "billing.test"), *(JSON if data else ()), *more.pop("fields", ()))
    return Copy("req-1", method, target, fields, data, body is not None)


def answer(body: Any, status: int = 200, seconds: float = 0.01) -> Answer:
    """An answer; ``body`` is made JSON."""
    data = json.dumps(body).encode()
    return Answer(status, JSON, data, len(data), seconds)


def judged(
    live: Answer | None,
    shadow: Answer | None,
    *,
    copy: Copy | None = None,
    name: str = "rewrite",
    route: str = "invoices",
    at: float | None = None,
    drift: int = 0,
    verdict: Comparison | None = None,
) -> Judged:
    """The two compared for real, unless a verdict is given."""
    copy = copy or request()
    if verdict is None and live is not None and shadow is not None:
        verdict = Comparer(Compare()).compare(copy, live, shadow)
    verdict = verdict or Comparison(Verdict.SHADOW_FAILED, "refused")
    if drift:
        verdict = verdict._replace(drift=(Drift("/vat", "EUR", Decimal(drift)),))
    moment = time.time() - 60 if at is None else at
    return Judged(name, copy, route, moment, live, shadow, verdict)


MATCHING = {"id": "inv-1", "net": "7.50", "vat": "1.43", "total": "8.93"}
WRONG = MATCHING | {"vat": "1.42", "total": "8.92"}


def matching(number: int, **more: Any) -> list[Judged]:
    """Exchanges that match; latencies differ from one to the next."""
    found = []
    for index in range(number):
        seconds = 0.01 + (index % 50) / 1000
        found.append(
            judged(answer(MATCHING, seconds=seconds), answer(MATCHING, seconds=seconds), **more)
        )
    return found


def wrong(number: int, **more: Any) -> list[Judged]:
    """Exchanges with a cent of tax missing, and so in the total."""
    return [judged(answer(MATCHING), answer(WRONG), drift=-1, **more) for _ in range(number)]


def fill(url: str, exchanges: Iterable[Judged], *, live: bool = True) -> str:
    """A store with these, written by the gateway's own writer. ``live``: count them for live."""
    store = Store(url, Plan(pairs_per_day=100_000), pauses=Pauses(turn=0.01))
    for each in exchanges:
        store.put(each)
        if live:
            status = each.live.status if each.live is not None else None
            store.note_request(each.request.method, each.route, status)
    store.start()
    if not store.close(30):
        raise AssertionError(f"not written: {store!r}")
    return url


def sqlite(folder: Path) -> str:
    """The URL of a store in a folder."""
    return f"sqlite:///{folder / 'gateway.db'}"
