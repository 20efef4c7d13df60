"""What the settings say, made into rules and stores."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.exchange import Exchange
from gateway.ratelimit.making import make_rules, make_store
from gateway.ratelimit.rules import Rules
from gateway.ratelimit.store import StoreUnavailable
from gateway.settings.model import Route
from gateway.settings.rate_limit import Limit, RateLimit

LIMIT = Limit(rates="2/minute")
ROUTES = (
    Route(path="/a", limits=(Limit(rates="1/minute", name="own"),)),
    Route(path="/a/b"),
    Route(path="/a/free", limits=()),
    Route(path="/a/other", limits=(Limit(rates="1/minute", name="own"),)),
)


def policy(rules: Rules) -> str:
    return rules.policy.partition(";")[0]


def test_the_most_specific_route_with_limits_wins() -> None:
    """One without leaves that to the next, and so to the general ones."""
    table = make_rules(RateLimit(limits=(LIMIT,)), ROUTES)
    assert table is not None
    names = {path: policy(table.find("GET", path)) for path in ("/", "/a", "/a/b", "/a/free")}
    assert names == {"/": '"identity"', "/a": '"own"', "/a/b": '"own"', "/a/free": ""}


def test_routes_with_limits_of_their_own_count_apart() -> None:
    """Though they look the same."""
    table = make_rules(RateLimit(), ROUTES)
    assert table is not None
    demands = [table.find("GET", p).demands({}, Exchange("", 0)) for p in ("/a", "/a/other")]
    assert demands[0][0].key != demands[1][0].key


@pytest.mark.parametrize("routes", [(), ROUTES[1:3]], ids=["no-routes", "none-with-limits"])
def test_without_limits_there_are_no_rules(routes: tuple[Route, ...]) -> None:
    """And nothing in the chain that would cost something."""
    assert make_rules(RateLimit(), routes) is None


def passes(folder: Path | None, config: RateLimit) -> bool:
    table = make_rules(config, ())
    assert table is not None
    store = make_store(config, folder, lambda: None)
    verdict = store.take(table.find("GET", "/").demands({}, Exchange("", 0)))
    store.close()
    return verdict.passes


def test_the_embedded_store_is_shared_through_the_folder(tmp_path: Path) -> None:
    """Without one each counts by itself."""
    config = RateLimit(limits=(LIMIT,), memory=2**20)
    assert [passes(tmp_path, config) for _ in range(3)] == [True, True, False]
    assert [passes(None, config) for _ in range(3)] == [True, True, True]


def test_a_folder_that_cannot_be_used_is_a_store_that_is_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That stops no gateway; the log says why."""
    with caplog.at_level(logging.ERROR):
        store = make_store(RateLimit(), tmp_path / "missing", lambda: None)
    assert "No such file" in caplog.text
    with pytest.raises(StoreUnavailable, match="No such file"):
        store.take([])


def test_what_is_for_redis_is_imported_for_redis_only() -> None:
    """It would cost every worker memory."""
    program = """
import sys
from gateway.ratelimit.making import make_store
from gateway.settings.rate_limit import RateLimit
make_store(RateLimit(memory=2**20), None, lambda: None)
print([name for name in ("limits", "redis") if name in sys.modules])
store = make_store(RateLimit(store="redis", redis="redis://127.0.0.1:1"), None, lambda: None)
print(type(store).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split("\n") == ["[]", "RedisStore", ""]
