"""One gateway between two upstreams, started once for each module that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess, gateway
from tests.support.transports import know_differences
from tests.support.upstream import OK, Upstream, upstream

# Variants of a gateway that answer alike; a module that says ``VARIANTS = True`` runs with all.
VARIANTS = {
    "gateway": {},
    "urllib3": {"transport": "urllib3"},
    "gthread": {"worker_class": "gthread"},
    "gevent": {"worker_class": "gevent"},
    "gevent+urllib3": {"worker_class": "gevent", "transport": "urllib3"},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "variant" in metafunc.fixturenames and getattr(metafunc.module, "VARIANTS", False):
        metafunc.parametrize("variant", VARIANTS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def variant(request: pytest.FixtureRequest) -> str:
    """Which gateway ``running`` is."""
    name: str = getattr(request, "param", "gateway")
    if "gevent" in name:
        pytest.importorskip("gevent")
    return name


@pytest.fixture(autouse=True)
def differences(request: pytest.FixtureRequest) -> None:
    """A row that a variant cannot do by its nature has to fail there."""
    if "variant" in request.fixturenames:
        know_differences(request, VARIANTS[request.getfixturevalue("variant")].get("transport", ""))


@pytest.fixture(scope="module")
def live_upstream() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def shadow_upstream() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def running(
    variant: str, live_upstream: Upstream, shadow_upstream: Upstream
) -> Iterator[GatewayProcess]:
    chosen = VARIANTS[variant]
    config = f"""
        transport = "{chosen.get("transport", "gateway")}"

        [server]
        worker_class = "{chosen.get("worker_class", "gateway")}"

        [live]
        url = "{live_upstream.url}"
        read_timeout = "1s"

        [[shadows]]
        url = "{shadow_upstream.url}"
        timeout = "2s"
        max_body = "64KiB"
        breaker_failures = 0

        [request]
        max_body = "64KiB"
    """
    with gateway("--workers", "1", config=config) as process:
        yield process


@pytest.fixture
def live(live_upstream: Upstream, running: GatewayProcess) -> Upstream:
    """The live upstream, with nothing received and the plain script."""
    running.quiet()
    live_upstream.script = lambda request: OK
    live_upstream.forget()
    return live_upstream


@pytest.fixture
def shadow(shadow_upstream: Upstream, running: GatewayProcess) -> Upstream:
    """The shadow upstream, with nothing received and the plain script."""
    running.quiet()
    shadow_upstream.script = lambda request: OK
    shadow_upstream.forget()
    return shadow_upstream
