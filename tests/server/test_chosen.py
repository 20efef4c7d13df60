"""From the settings to the class that gunicorn makes workers of."""

from __future__ import annotations

import pytest

from gateway.server import chosen
from gateway.server.chosen import in_progress, limits, worker_class
from gateway.server.limits import Limits
from gateway.settings import Server, Settings
from gateway.settings.model import Live
from tests.server.conftest import GATEWAY, GEVENT, GTHREAD, worker_classes

LIVE = Live(url="http://live.test")

# Set by what else is configured: request.max_body, request.max_buffered, admission.
ELSEWHERE = {"max_body_bytes", "budget", "admission"}


def test_every_limit_is_a_setting_with_the_same_default() -> None:
    """A limit that is added without a setting would be one that nobody can change."""
    declared = {name: value for name, value in vars(Limits).items() if not name.startswith("_")}
    assert limits(Server()) == {k: v for k, v in declared.items() if k not in ELSEWHERE}


@pytest.mark.parametrize(
    ("name", "path"), [("gateway", GATEWAY), ("gthread", GTHREAD), ("gevent", GEVENT)]
)
def test_the_class_has_the_limits_of_its_settings(name: str, path: str) -> None:
    """And the next reload's do not touch those of workers that were made before."""
    if path not in worker_classes():
        pytest.skip("needs gevent")
    one = worker_class(Server(worker_class=name, header_timeout=1.5, max_head=2048))  # type: ignore[arg-type]
    other = worker_class(Server(worker_class=name))  # type: ignore[arg-type]
    assert (one.header_timeout, one.max_head_bytes) == (1.5, 2048)
    assert (other.header_timeout, other.max_head_bytes) == (10.0, 65536)
    assert {one.__bases__, other.__bases__} == {one.__bases__}
    assert issubclass(one, Limits)


@pytest.mark.parametrize(
    ("settings", "greenlet", "number"),
    [
        pytest.param(Settings(live=LIVE), True, 256, id="they take no thread"),
        pytest.param(
            Settings(live=Live(url="http://a", pool_size=999)), True, 999, id="as connections"
        ),
        pytest.param(
            Settings(live=Live(url="http://a", pool_size=9)), True, 64, id="few connections"
        ),
        pytest.param(Settings(live=LIVE), False, 64, id="without greenlet"),
        pytest.param(Settings(live=LIVE, transport="urllib3"), True, 64, id="with urllib3"),
        pytest.param(
            Settings(live=LIVE, server=Server(worker_class="gthread")), True, 64, id="gthread"
        ),
        pytest.param(
            Settings(live=LIVE, server=Server(threads=5)), True, 5, id="as the settings say"
        ),
    ],
)
def test_as_many_requests_as_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, greenlet: bool, number: int
) -> None:
    """Threads are few; where none is needed, connections to live are the bound."""
    monkeypatch.setattr(chosen, "find_spec", lambda name: greenlet or None)
    assert in_progress(settings) == number
