"""The worker class that the settings ask for, with the settings' limits on it.

A class of its own, since a worker is made before its process is: what it is to
know then has to be on the class, and the next reload may bring other limits.
"""

from __future__ import annotations

import select
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from gateway.admission.limit import THREADS
from gateway.settings import Server, Settings

from .stock import load_class

_CLASSES = MappingProxyType(
    {
        "gateway": "gateway.server.worker.GatewayWorker",
        "gthread": "gateway.server.worker.GatewayThreadWorker",
        "gevent": "gateway.server.gevent_worker.GatewayGeventWorker",
    }
)


def in_progress(settings: Settings) -> int:
    """How many requests one worker takes on at once."""
    if settings.server.threads:
        return settings.server.threads
    # Where they take no thread there is nothing to run out of but connections to live; some
    # wait for those, or go elsewhere.
    most = settings.live.pool_size if _take_no_thread(settings) else THREADS
    return max(THREADS, most)


def _take_no_thread(settings: Settings) -> bool:
    ours = settings.server.worker_class == "gateway" and settings.transport == "gateway"
    return ours and hasattr(select, "epoll") and find_spec("greenlet") is not None


def worker_class(server: Server) -> type[Any]:
    """For gunicorn's setting of that name."""
    chosen: type[Any] = load_class(_CLASSES[server.worker_class])
    return type(chosen.__name__, (chosen,), {"__module__": chosen.__module__, **limits(server)})


def limits(server: Server) -> dict[str, Any]:
    """Attributes of ``Limits`` by their names; the others come from other settings."""
    return {
        "max_head_bytes": server.max_head,
        "header_timeout": server.header_timeout,
        "max_chunk_overhead_bytes": server.max_chunk_overhead,
        "body_timeout": server.body_timeout,
        "body_min_rate": server.body_min_rate,
        "write_timeout": server.write_timeout,
        "write_min_rate": server.write_min_rate,
        "max_waiting_writers": server.max_waiting_writers,
        "max_unsent_bytes": server.max_unsent,
        "linger_timeout": server.linger_timeout,
        "linger_idle_timeout": server.linger_idle_timeout,
        "linger_max_bytes": server.linger_max,
        "drain_linger": server.drain_linger,
    }
