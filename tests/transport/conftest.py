from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from gateway.transport import Transport, UpstreamSession, adapter_for
from tests.support.transports import TRANSPORTS, know_differences


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says ``BOTH = True`` runs over both transports."""
    if "transport" in metafunc.fixturenames and getattr(metafunc.module, "BOTH", False):
        marks = metafunc.definition.iter_markers("parametrize")
        if not any("transport" in mark.args[0] for mark in marks):
            metafunc.parametrize("transport", TRANSPORTS, indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """The transport under test."""
    name: str = getattr(request, "param", "gateway")
    know_differences(request, name)
    return name


@pytest.fixture
def adapter(transport: str) -> Iterator[Transport]:
    adapter = adapter_for(transport)  # type: ignore[arg-type]
    yield adapter
    assert all(pool.busy == 0 for pool in adapter.snapshot().values()), "a connection leaked"
    adapter.abort()


@pytest.fixture
def session(adapter: Transport) -> Iterator[UpstreamSession]:
    with UpstreamSession(adapter) as session:
        yield session


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Counts this process's open descriptors."""
    return lambda: len(os.listdir("/dev/fd"))
