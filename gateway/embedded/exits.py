"""Closing when the process ends, in a host that knows nothing of us.

Servers end their workers in different ways, but all of them shut the interpreter
down, and that first ends threads (``threading._shutdown``), then runs ``atexit``
(CPython's ``Py_FinalizeEx``; mod_wsgi and uWSGI do the same in their own order). A
thread pool's exit hook waits for every call in progress, however long, so ours
has to come before it: hooks run the last one first, and ``concurrent.futures`` has
registered its own when it was imported. That list is private to CPython; where it
is not found, ``atexit`` does the same, only later.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakMethod


def close_at_exit(close: Callable[[], None]) -> None:
    """Have a bound method called when this process ends, not when a child of it does.

    Its object is not kept alive by that. It may be called twice.
    """
    here, method = os.getpid(), WeakMethod(close)

    def end() -> None:
        bound = method()
        if bound is not None and os.getpid() == here:
            bound()

    before_threads: Any = getattr(threading, "_register_atexit", None)
    if before_threads is not None:
        with suppress(RuntimeError):  # the interpreter is already on its way out
            before_threads(end)
    atexit.register(end)
