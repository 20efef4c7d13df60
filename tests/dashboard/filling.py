"""A store with made exchanges in it, written as a gateway writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.compare.verdict import (
    Comparison,
    Difference,
    Drift,
    Judged,
    Kind,
    Part,
    Tally,
    Verdict,
)
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.store.grouping import key_of
from gateway.store.store import Store

SCRIPT = "<script>document.title='pwned'</script>"
SLOT = 300
SLOTS = 30

TAX = Difference(
    Part.BODY, Kind.VALUE, "/lines/0/tax", "/lines/*/tax", Decimal("1.43"), Decimal("1.42")
)
_PLACE = "/" + SCRIPT.replace("/", "~1")
NASTY = Difference(Part.BODY, Kind.VALUE, _PLACE, _PLACE, SCRIPT, f"{SCRIPT}!")
FIELD = Difference(Part.HEADERS, Kind.VALUE, "/x-powered-by", "/x-powered-by", "old", "new")
STATUS = Difference(Part.STATUS, Kind.STATUS, "", "", 200, 404)
CREATED = Difference(Part.BODY, Kind.TYPE, "/created", "/created", "2026-03-01", 1772323200)


def group_id(difference: Difference, route: str, shadow: str = "rewrite") -> str:
    """The id of its group."""
    return key_of(shadow, route, difference).id


def invoice(tax: str, more: str = "") -> bytes:
    lines = [
        {"text": "Croissants", "quantity": 3, "unit_price": "2.50", "vat_rate": 19, "tax": 0},
        {"text": "Coffee, beans 1 kg", "quantity": 1, "unit_price": "18.90", "vat_rate": 7},
    ]
    document = {
        "id": "inv-4711",
        "customer": {"id": "c-1001", "name": "Bäckerei Müller", "country": "DE"},
        "currency": "EUR",
        "lines": lines,
        "net": "26.40",
        "total": "29.15",
        "due": "2026-04-01",
        "paid": False,
        "note": None,
        "tags": ["retail", "monthly"],
    }
    text = json.dumps(document, ensure_ascii=False).replace('"tax": 0', f'"tax": {tax}{more}')
    return text.encode()


def copy(
    number: int, method: str = "POST", target: str = "/invoices?draft=1", body: bytes = b"{}"
) -> Copy:
    fields = (
        ("Host", "billing.example"),
        ("User-Agent", "billing-web/4.2"),
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer redacted:text:36:0123456789abcdef"),
        ("X-Customer", "c-1001"),
    )
    return Copy(f"req-{number:06}", method, target, fields, body, had_body=bool(body))


def answer(body: bytes, seconds: float, status: int = 200, *fields: tuple[str, str]) -> Answer:
    given = (
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("Date", "Sun, 01 Mar 2026 09:00:00 GMT"),
        *fields,
    )
    return Answer(status, given, body, len(body), seconds)


class Made(NamedTuple):
    """Where it is, and until when it goes."""

    url: str
    now: float


def fill(path: Path, now: float) -> Made:
    """Two and a half hours of a shadow that is nearly right, and one that is not."""
    url = f"sqlite:///{path}"
    random = Random(7)
    number = 0
    for slot in range(SLOTS):
        at = now - (SLOTS - slot) * SLOT
        store = Store(url, ledger=lambda slot=slot: _ledger(slot), clock=lambda at=at: at)
        for exchange in _exchanges(random, slot, at, number):
            store.put(exchange)
            number += 1
        store.put(Tally("rewrite", "invoices", Comparison(Verdict.MATCH), 600 + 40 * (slot % 7)))
        store.put(Tally("rewrite", "customers", Comparison(Verdict.MATCH, ignored=1), 90))
        for index in range(900 + 50 * (slot % 7)):
            store.note_request("POST", "invoices" if index % 4 else "customers", 200)
        for index in range(60):
            seconds = 0.02 * random.lognormvariate(0, 0.4)
            store.note_isolation(held_out=index % 6 == 0, seconds=seconds, failed=False)
        store.start()
        assert store.close(20)
    return Made(url, now)


def _ledger(slot: int) -> dict[str, dict[Outcome, int]]:
    bad = slot in (17, 18, 19)
    return {
        "rewrite": {
            Outcome.ANSWERED: 850 + 40 * (slot % 7),
            Outcome.DROPPED_QUEUE_FULL: 120 if bad else 0,
            Outcome.DROPPED_BREAKER_OPEN: 60 if slot in (18, 19) else 0,
            Outcome.FAILED_TIMED_OUT: 9 if bad else 1,
            Outcome.SKIPPED_HELD_OUT: 10,
        },
        "experiment": {Outcome.ANSWERED: 12, Outcome.SKIPPED_SAMPLED_OUT: 900},
    }


def _exchanges(random: Random, slot: int, at: float, number: int) -> Iterator[Judged]:
    for index in range(30):
        number += 1
        when = at + index
        live = 0.018 * random.lognormvariate(0, 0.45)
        shadow = live * (3.0 if slot in (17, 18, 19) else 1.15)
        ours = answer(invoice("1.43"), live)
        theirs = answer(invoice("1.43"), shadow)
        comparison = Comparison(Verdict.MATCH)
        if index % 7 == 0 and slot > 9:
            theirs = answer(invoice("1.42"), shadow)
            drift = (Drift("/lines/0/tax", "EUR", Decimal(-1)),)
            comparison = Comparison(Verdict.BODY, "", (TAX,), 1, drift)
        request = copy(number, body=b'{"customer": "c-1001", "lines": [{"quantity": 3}]}')
        yield Judged("rewrite", request, "invoices", when, ours, theirs, comparison)
    yield from _rare(slot, at)


def _rare(slot: int, at: float) -> Iterator[Judged]:
    ours = answer(b'{"ok": true}', 0.01, 200, ("X-Powered-By", "old"))
    theirs = answer(b'{"ok": true}', 0.012, 200, ("X-Powered-By", "new"))
    plain = copy(900000 + slot, "GET", f"/customers/{slot}", b"")
    if slot % 3 == 0:
        comparison = Comparison(Verdict.HEADERS, "", (FIELD,))
        yield Judged("rewrite", plain, "customers", at, ours, theirs, comparison)
    if slot % 11 == 0:
        gone = answer(b"no such customer", 0.004, 404)
        comparison = Comparison(Verdict.STATUS, "", (STATUS,))
        yield Judged("rewrite", plain, "customers", at, ours, gone, comparison)
    if slot in (17, 18, 19):
        comparison = Comparison(Verdict.TIMED_OUT, "timed_out")
        yield Judged("rewrite", plain, "customers", at, ours, None, comparison)
    if slot % 4 == 0:
        early = answer(b'{"created": "2026-03-01"}', 0.01)
        late = answer(b'{"created": 1772323200}', 0.03)
        comparison = Comparison(Verdict.BODY, "", (CREATED,))
        yield Judged("experiment", plain, "customers", at, early, late, comparison)
    if slot == 25:
        yield _nasty(at)


def _nasty(at: float) -> Judged:
    """An upstream, and a client, that would like to be in somebody's browser."""
    request = copy(666, "POST", f"/{SCRIPT}?q={SCRIPT}\"'", f'{{"{SCRIPT}": "{SCRIPT}"}}'.encode())
    request = request._replace(fields=(*request.fields, (f"X-{SCRIPT}", SCRIPT)))
    field = (f"X-{SCRIPT}", f'{SCRIPT}"><img src=x onerror=alert(1)>')
    ours = answer(json.dumps({SCRIPT: SCRIPT}).encode(), 0.01, 200, field)
    theirs = answer(json.dumps({SCRIPT: f"{SCRIPT}!"}).encode(), 0.01, 200, field)
    comparison = Comparison(Verdict.BODY, "", (NASTY,))
    return Judged("rewrite", request, f"{SCRIPT}", at, ours, theirs, comparison)
