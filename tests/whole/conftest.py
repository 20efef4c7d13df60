"""One gateway between two upstreams, started once for each module that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Upstream, upstream


@pytest.fixture(scope="module")
def live_upstream() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def shadow_upstream() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def running(live_upstream: Upstream, shadow_upstream: Upstream) -> Iterator[GatewayProcess]:
    config = f"""
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
