"""Signals are for the threads of whoever runs the process, never for one of ours.

A signal to a process goes to any of its threads that does not block it. Python's own
handlers run in the main thread all the same; a host's that are written in C run where
the signal came in. uWSGI's ends the process there, and that joins all threads: one of
ours would wait for itself until somebody kills the worker. It was seen in one of
fifteen shutdowns on a busy machine, where pthread_create(3), which blocks signals for
a moment, was as a signal came in.

Not done here: handling any.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

# Those a thread gets for what it does itself (POSIX, 2.4.3), and the profilers'.
_ITS_OWN = ("ABRT", "BUS", "FPE", "ILL", "PROF", "SEGV", "SYS", "TRAP")
_OTHERS = frozenset(signal.valid_signals()) - {
    getattr(signal, f"SIG{name}", None) for name in _ITS_OWN
}


def leave_signals_to_host() -> None:
    """Block them for the thread that calls this, and for those it starts.

    gevent may have made a greenlet of it, on the main thread: that keeps its signals.
    gettid(2) says which one is that.
    """
    if sys.platform == "linux" and threading.get_native_id() != os.getpid():
        signal.pthread_sigmask(signal.SIG_BLOCK, _OTHERS)
