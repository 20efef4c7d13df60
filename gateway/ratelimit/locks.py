"""Locks in memory that several processes share, and that a killed holder leaves usable.

Every check of a rate limit takes one, so what it costs matters. Measured here
(CPython 3.11, CPU for one lock and unlock; then the wall time of the same while
three other threads of the process have Python to run):

    robust POSIX mutex by ctypes.PyDLL     0.34 us     < 1 us
    the same by ctypes.CDLL                0.41 us     < 1 us
    multiprocessing.Lock (a semaphore)     0.24 us     < 1 us
    fcntl.flock + threading.Lock           1.3  us     121 us
    fcntl.lockf + threading.Lock           1.8  us       2 us, now and then 5 ms
    open file description lock (fcntl)     1.9  us      67 us

A system call through Python gives up the interpreter lock, and a thread that
gives it up may wait 5 ms for each other thread until it has it again, here with
our lock in its hand. A semaphore is never given back by a process that was
killed. Atomic operations are not to be had without a compiled extension. So:
robust mutexes, called without giving up the interpreter lock. When their holder
is killed the kernel marks them, the next one that comes is told (EOWNERDEAD,
pthread_mutex_lock(3p)) and goes on. Where the C library has none (macOS), a lock
on a byte of the file does: slower, as exact.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from gateway.waiting import pause

# How often a lock is tried before its holder is given time: a holder in another
# process has it for about five microseconds, and a try takes half of one.
_TRIES = 20
_PAUSE_SECONDS = 0.0002
# So long everybody on this thread waits, who would make it longer for who holds another lock.
_SHORT_SECONDS = 0.005

_POINTER = ctypes.c_void_p
_PROCESS_SHARED = 1  # pthread.h, the same in glibc and musl
_ROBUST = 1
_ATTRIBUTES_BYTES = 64  # more than any pthread_mutexattr_t

# Room for one pthread_mutex_t: 40 bytes on x86-64, 48 on arm64; a cache line of its own.
MUTEX_BYTES = 64


class LockTimeout(Exception):
    """The holder of a lock kept it for too long: it was stopped, not killed."""


class Locks(Protocol):
    """Numbered locks, shared by processes and by threads in them."""

    def acquire(self, number: int, patience: float) -> None:
        """Take a lock, or raise ``LockTimeout`` after about ``patience`` seconds."""

    def release(self, number: int) -> None:
        """Give back a lock. The thread that took it does."""


_libc = ctypes.PyDLL(None)


def _function(name: str, pointers: int, *numbers: type) -> Callable[..., int]:
    function = getattr(_libc, name)
    function.restype, function.argtypes = ctypes.c_int, (*[_POINTER] * pointers, *numbers)
    return function  # type: ignore[no-any-return]


try:
    _attributes_init = _function("pthread_mutexattr_init", 1)
    _set_shared = _function("pthread_mutexattr_setpshared", 1, ctypes.c_int)
    _set_robust = _function("pthread_mutexattr_setrobust", 1, ctypes.c_int)
    _init = _function("pthread_mutex_init", 2)
    _try_lock = _function("pthread_mutex_trylock", 1)
    _unlock = _function("pthread_mutex_unlock", 1)
    _consistent = _function("pthread_mutex_consistent", 1)
    ROBUST_MUTEXES = True
except AttributeError:  # macOS
    ROBUST_MUTEXES = False


class RobustMutexes:
    """Mutexes in shared memory, ``MUTEX_BYTES`` for each, from ``offset`` on.

    Threads: any thread of any process takes and releases. Nothing here gives up
    the interpreter lock but the pause of one that has tried often enough.
    """

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory = memory
        # A copy of the number and no view: a view would forbid to close the memory.
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(memory, offset))

    def create(self, number: int) -> None:
        """Make the mutexes, before anybody else knows of the memory."""
        attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
        _attributes_init(attributes)
        _set_shared(attributes, _PROCESS_SHARED)
        _set_robust(attributes, _ROBUST)
        for each in range(number):
            _init(self._address + each * MUTEX_BYTES, attributes)

    def acquire(self, number: int, patience: float) -> None:
        """Take a lock."""
        mutex = self._address + number * MUTEX_BYTES
        code = _try_lock(mutex)
        if code and not _taken(mutex, code):
            _patiently(lambda: _taken(mutex, _try_lock(mutex)), patience)

    def release(self, number: int) -> None:
        """Give back a lock."""
        _unlock(self._address + number * MUTEX_BYTES)


def _taken(mutex: int, code: int) -> bool:
    """Whether a try that returned ``code`` took the mutex."""
    if code == errno.EOWNERDEAD:
        _consistent(mutex)
    elif code not in (0, errno.EBUSY):
        raise OSError(code, os.strerror(code))
    return code != errno.EBUSY


class ByteLocks:
    """Locks on bytes of a file, and a lock for the threads of this process beside each.

    ``descriptor``: of the file; closed with the last reference to this.

    Threads: as above. POSIX record locks belong to a process and not to a thread
    (fcntl(2)), hence the thread's own first; system calls are made under it.
    """

    def __init__(self, descriptor: int, number: int) -> None:
        self._descriptor = descriptor
        self._threads = [Lock() for _ in range(number)]

    def __del__(self) -> None:
        os.close(self._descriptor)

    def acquire(self, number: int, patience: float) -> None:
        """Take a lock."""
        if not self._threads[number].acquire(timeout=patience):
            raise LockTimeout
        try:
            if not self._taken(number):
                _patiently(lambda: self._taken(number), patience)
        except BaseException:
            self._threads[number].release()
            raise

    def _taken(self, number: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, says POSIX
            return False
        return True

    def release(self, number: int) -> None:
        """Give back a lock."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, number)
        self._threads[number].release()


def _patiently(taken: Callable[[], bool], patience: float) -> None:
    for _ in range(_TRIES):
        if taken():
            return
    began = time.monotonic()
    while not taken():
        waited = time.monotonic() - began
        if waited > patience:
            raise LockTimeout
        # The holder may be a thread of this process that waits for the interpreter lock, or
        # one that was stopped: others need not wait for that with us.
        (time.sleep if waited < _SHORT_SECONDS else pause)(_PAUSE_SECONDS)
