"""The store as a gateway has it: made of settings, redacting, and counted in metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from gateway.compare.verdict import Judged
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.settings import Live, Settings
from gateway.settings.comparison import Compare, Redact
from gateway.settings.store import Store
from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome
from gateway.store.reader import Reader
from gateway.store.side import StoreSide, redaction_key
from gateway.store.values import Filter
from tests.store.exchanges import difference, judged

SETTINGS = Settings(
    live=Live(url="http://live.test"),
    compare=Compare(redact=Redact(paths=("$.customer",))),
    store=Store(examples_per_group=2, max_groups=7),
)

Read = Callable[[str], Reader]


class Told(Metrics):
    def __init__(self) -> None:
        self.failures = 0

    def store_failed(self) -> None:
        self.failures += 1


def made(url: str, metrics: Metrics | None = None) -> tuple[StoreSide, Ledger]:
    ledger = Ledger(["next"])
    return StoreSide(SETTINGS, url, ledger, metrics or Metrics(), None), ledger


def with_secret() -> Judged:
    shown = [
        difference("/customer/Ann Example", live="Ann", shadow=None),
        difference("/total", live="1", shadow="2"),
    ]
    exchange = judged(differences=shown, body=b'{"customer": {"name": "Ann Example"}}')
    fields = (*exchange.request.fields, ("Authorization", "Bearer hunter2"))
    return exchange._replace(request=exchange.request._replace(fields=fields))


def test_what_it_is_told_is_in_the_store(tmp_path: Path, read: Read) -> None:
    """Verdicts, requests, the ledger, the isolation proof."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    side, ledger = made(url)
    side.start()
    side.start()
    side.put(judged())
    exchange = Exchange("id", 0.0)
    exchange.status = 200
    side.note_request("GET", exchange)
    side.watch(True, 0.1, False)
    ledger.record("next", Outcome.ANSWERED)
    side.close()
    with Reader(url) as reader:
        summary = reader.summary()
        assert (summary.counts.match, summary.live_requests) == (1, 1)
        assert summary.ledger == {"answered": 1}
        assert reader.isolation().held_out.number == 1


def test_nothing_secret_is_in_the_file(tmp_path: Path) -> None:
    """Neither credentials nor what the settings name, names of members included."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    side, _ = made(url)
    side.start()
    side.put(with_secret())
    side.close()
    with Reader(url) as reader:
        groups = reader.groups(Filter()).groups
        assert {group.pattern for group in groups} == {"/customer", "/total"}
        heads = reader.examples(groups[0].id)
        example = reader.example(heads[0].id)
    assert example is not None
    for text in (
        repr(example),
        repr(groups),
        (tmp_path / "gateway.db").read_bytes().decode("latin-1"),
    ):
        assert "hunter2" not in text
        assert "Ann" not in text


def test_nothing_secret_waits_to_be_written(tmp_path: Path) -> None:
    """It is redacted before, on the comparing thread."""
    side, _ = made(f"sqlite:///{tmp_path}/gateway.db")
    side.put(with_secret())
    waiting = repr(side.store._keeping.take())
    assert "/total" in waiting
    assert "hunter2" not in waiting
    assert "Ann" not in waiting


def test_failures_are_told_to_metrics(tmp_path: Path) -> None:
    """Each attempt; closing takes no longer for it."""
    told = Told()
    side, _ = made(f"sqlite:///{tmp_path}/missing/gateway.db", told)
    side.start()
    side.put(judged())
    side.close()
    assert told.failures >= 1
    assert "failures in a row" in repr(side)


def test_all_workers_have_one_key_and_each_start_another(tmp_path: Path) -> None:
    """Whoever makes it first; it is its owner's alone."""
    keys: list[bytes] = []
    threads = [
        Thread(target=lambda: keys.append(redaction_key(tmp_path / "shared"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    (file,) = (tmp_path / "shared").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert redaction_key(tmp_path / "other") not in keys
    assert redaction_key(None) != redaction_key(None)
