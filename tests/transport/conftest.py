from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from gateway.transport import Http1Adapter, UpstreamSession


@pytest.fixture
def adapter() -> Iterator[Http1Adapter]:
    adapter = Http1Adapter()
    yield adapter
    assert all(pool.busy == 0 for pool in adapter.snapshot().values()), "a connection leaked"
    adapter.abort()


@pytest.fixture
def session(adapter: Http1Adapter) -> Iterator[UpstreamSession]:
    with UpstreamSession(adapter) as session:
        yield session


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Counts this process's open descriptors."""
    return lambda: len(os.listdir("/dev/fd"))
