"""Where to run what blocks: under gevent, not in the one thread that everybody shares.

A leaf. gevent makes waiting on sockets harmless, but knows nothing of a database file
or of a hash that is dear on purpose: either would stop every greenlet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """Do it, and wait for it: here, or on a thread of gevent's own where greenlets are.

    ``work`` must not raise: gevent would print it.
    """
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    gevent: Any = sys.modules["gevent"]
    result: T = gevent.get_hub().threadpool.apply(work)
    return result
