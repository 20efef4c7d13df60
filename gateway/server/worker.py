"""The worker classes for gunicorn's ``worker_class``.

``GatewayWorker`` is the default: on Linux the event loop shared by all threads,
elsewhere gunicorn's threads.  All give the application the same environ and the
client the application's exact answer.
"""

from __future__ import annotations

import sys

from .thread_worker import GatewayThreadWorker

if sys.platform == "linux":
    from .epoll_worker import EpollWorker as GatewayWorker
else:  # epoll is Linux's
    GatewayWorker = GatewayThreadWorker

__all__ = ["GatewayThreadWorker", "GatewayWorker"]
