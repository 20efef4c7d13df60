"""Figures of a running gateway: kept by default, exact across workers, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.errors import StoreMissing
from gateway.store.reader import Reader, open_reader
from gateway.store.values import Filter
from tests.support.gateway import GatewayProcess, gateway
from tests.support.postgresql import needs_postgresql, postgresql_server
from tests.support.upstream import Act, Received, upstream
from tests.support.waiting import wait_for

REQUESTS = 60


def _json(text: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(text)) + text


def right(request: Received) -> Act:
    """Live."""
    return _json(b'{"lines": [{"tax": 1.10}, {"tax": 2.20}], "secret": "s"}')


def wrong(request: Received) -> Act:
    """A shadow with a believable bug, and worse ones."""
    if request.target.startswith(b"/broken"):
        return None
    if request.target.startswith(b"/taxed"):
        return _json(b'{"lines": [{"tax": 1.10}, {"tax": 2.21}], "secret": "s"}')
    return right(request)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/gateway.db"
        return
    with postgresql_server() as server:
        yield server.database()


def config(live: str, shadow: str, url: str) -> str:
    return f"""
        [live]
        url = "{live}"
        [[shadows]]
        url = "{shadow}"
        name = "next"
        breaker_failures = 0
        [[routes]]
        path = "/taxed"
        name = "taxed"
        [[routes]]
        path = "/skipped"
        name = "skipped"
        mirror = false
        [store]
        {f'url = "{url}"' if url else ""}
        """


def ask(running: GatewayProcess) -> None:
    paths = ["/taxed?page=1", "/same", "/broken", "/skipped"]
    for number in range(REQUESTS):
        with running.client() as client:
            answer = client.request("GET", paths[number % 4], "Authorization: Bearer hunter2")
        assert answer.status == 200


def everything(reader: Reader) -> bool:
    summary = reader.summary()
    ledger = sum(summary.ledger.values())
    return summary.live_requests == ledger == REQUESTS and summary.counts.total == REQUESTS * 3 // 4


def has_everything(url: str) -> bool:
    try:
        with open_reader(url) as reader:
            return everything(reader)
    except StoreMissing:
        return False


def test_all_workers_add_up_to_what_clients_asked(url: str) -> None:
    """The five counts, the ledger and live's requests sum; the bug has its group and examples."""
    with upstream(right) as live, upstream(wrong) as shadow:
        with gateway(config=config(live.url, shadow.url, url)) as running:
            ask(running)
            running.quiet()
            assert running.stop() == 0
    with open_reader(url) as reader:
        summary = reader.summary()
        assert everything(reader), summary
        quarter = REQUESTS // 4
        assert (summary.counts.matches, summary.counts.differs) == (quarter, quarter)
        assert summary.counts.shadow_failed == quarter
        assert summary.ledger == {"answered": 2 * quarter, "failed": quarter, "skipped": quarter}
        (bug,) = reader.groups(Filter(verdict="body")).groups
        assert (bug.pattern, bug.number, bug.share) == ("/lines/*/tax", quarter, 1.0)
        example = reader.example(reader.examples(bug.id)[0].id)
        assert example is not None
        assert "hunter2" not in repr(example)
        routes = {row.route: row for row in reader.coverage()}
        assert (routes["skipped"].live, routes["skipped"].mirrored) == (quarter, 0)
        assert (routes["taxed"].shape, routes["taxed"].compared) == ("?page", quarter)


def test_figures_are_kept_by_default_in_the_folder_it_is_started_in() -> None:
    """They are there while it runs; nobody had to ask for them."""
    with upstream(right) as live, upstream(wrong) as shadow:
        with gateway(config=config(live.url, shadow.url, "")) as running:
            ask(running)
            url = f"sqlite:///{running.folder}/gateway.db"
            wait_for(lambda: has_everything(url), "all figures")


def test_none_are_kept_where_they_are_off() -> None:
    """Nor without shadows: nothing is compared."""
    with upstream(right) as live, upstream(wrong) as shadow:
        with gateway(config=config(live.url, shadow.url, "off")) as running:
            ask(running)
            running.quiet()
            assert not list(running.folder.glob("*.db*"))
        with gateway("--live", live.url) as running:
            assert not list(running.folder.glob("*.db*"))


def test_a_store_that_cannot_be_reached_is_nobodys_business(tmp_path: Path) -> None:
    """The gateway starts and serves; it says why once, and metrics count it."""
    url = f"sqlite:///{tmp_path}/missing/gateway.db"
    with upstream(right) as live, upstream(wrong) as shadow:
        with gateway(config=config(live.url, shadow.url, url)) as running:
            ask(running)
            wait_for(lambda: running.metric("gateway_store_errors_total"), "an error to be counted")
            assert "figures wait in memory" in running.output
            assert running.stop() == 0
