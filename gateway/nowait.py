"""Socket calls that do not wait, made without giving up the interpreter lock.

CPython releases its lock around every system call, also around one that cannot
block. With several threads runnable each release is an invitation: another
thread is woken, takes the lock, and the first one, back from a call of a few
microseconds, has to sleep until it gets it back. At 750 requests a second in
one worker that was 26 thread switches for each request, and a third of its CPU.

``ctypes.PyDLL`` calls keep the lock. So: only calls that return at once, only
small ones. Errors are the ones the ordinary call raises. Where the shortcut does
not exist (other systems than Linux), the ordinary call is all there is.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import select
import socket
import struct
import sys
from collections import deque

# As much as is copied at once while nobody else can run.
MAX_BYTES = 65536

# asm-generic/socket.h; not in Python's socket module. A struct timespec comes with it.
SO_TIMESTAMPNS = 35

_AVAILABLE = sys.platform == "linux" and sys.maxsize > 2**32
_FLAGS = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)

_INT, _SIZE, _POINTER = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
_libc = ctypes.PyDLL(None, use_errno=True)


def _function(name: str, result: type, *arguments: type) -> ctypes._NamedFuncPointer:
    function = getattr(_libc, name)
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]


_send = _function("send", ctypes.c_ssize_t, _INT, ctypes.c_char_p, _SIZE, _INT)
_recv = _function("recv", ctypes.c_ssize_t, _INT, _POINTER, _SIZE, _INT)
_recvmsg = _function("recvmsg", ctypes.c_ssize_t, _INT, _POINTER, _INT)
_poll = _function("poll", _INT, ctypes.c_char_p, ctypes.c_ulong, _INT)
_epoll_ctl = _function("epoll_ctl", _INT, _INT, _INT, _INT, ctypes.c_char_p) if _AVAILABLE else None
_epoll_wait = _function("epoll_wait", _INT, _INT, _POINTER, _INT, _INT) if _AVAILABLE else None

_POLLFD = struct.Struct("ihh")
_EPOLL_CTL_MOD = 3
# epoll_ctl(2): packed on x86-64 alone. Of the 8 bytes that are ours, CPython sets 4.
_EPOLL_EVENT = struct.Struct("=Ii4x" if platform.machine() == "x86_64" else "@I4xi4x")
_MOST_EVENTS = MAX_BYTES // _EPOLL_EVENT.size
_CMSGHDR = struct.Struct("Nii")
_TIMESPEC = struct.Struct("qq")
_CONTROL_BYTES = 64


class _Iovec(ctypes.Structure):
    _fields_ = [("base", _POINTER), ("length", _SIZE)]


class _Msghdr(ctypes.Structure):
    # recvmsg(2). The kernel writes the three last ones.
    _fields_ = [
        ("name", _POINTER),
        ("name_length", ctypes.c_uint),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iov_length", _SIZE),
        ("control", _POINTER),
        ("control_length", _SIZE),
        ("flags", _INT),
    ]


class _Room:
    """Memory to receive into: of a private mapping, so that only what is used is resident."""

    __slots__ = (
        "_control",
        "_iovec",
        "_memory",
        "address",
        "control",
        "header",
        "header_at",
        "view",
    )

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MAX_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.view = memoryview(self._memory)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._control = ctypes.create_string_buffer(_CONTROL_BYTES)
        self.control = memoryview(self._control).cast("B")
        self._iovec = _Iovec(self.address, MAX_BYTES)
        self.header = _Msghdr(
            iov=ctypes.pointer(self._iovec), iov_length=1, control=ctypes.addressof(self._control)
        )
        self.header_at = ctypes.addressof(self.header)


# Rooms nobody is in: taken and put back by atomic deque operations. The lock is
# kept while one is in use, except at a switch between two lines here, so there
# are only ever a few.
_rooms: deque[_Room] = deque()
os.register_at_fork(after_in_child=_rooms.clear)


def _room() -> _Room:
    try:
        return _rooms.pop()
    except IndexError:
        return _Room()


def _error() -> OSError:
    """Why the last call failed. Asking the socket again would not do: it tells an error once."""
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


def send(sock: socket.socket, data: bytes | memoryview) -> int:
    """``sock.send(data)`` of a non-blocking socket."""
    if _AVAILABLE and type(data) is bytes and len(data) <= MAX_BYTES:
        sent: int = _send(sock.fileno(), data, len(data), _FLAGS)
        if sent < 0:
            raise _error()
        return sent
    return sock.send(data)


def recv(sock: socket.socket) -> bytes:
    """``sock.recv(MAX_BYTES)`` of a non-blocking socket."""
    if not _AVAILABLE:
        return sock.recv(MAX_BYTES)
    room = _room()
    received = _recv(sock.fileno(), room.address, MAX_BYTES, _FLAGS)
    data = room.view[:received].tobytes() if received > 0 else b""
    _rooms.append(room)
    if received < 0:
        raise _error()
    return data


def recv_stamped(sock: socket.socket) -> tuple[bytes, tuple[int, int] | None]:
    """``recv``, and the wall time the last byte arrived as (seconds, nanoseconds), if known.

    The kernel stamps what a socket with ``SO_TIMESTAMPNS`` receives (socket(7)).
    """
    if not _AVAILABLE:
        return sock.recv(MAX_BYTES), None
    room = _room()
    room.header.control_length = _CONTROL_BYTES
    received = _recvmsg(sock.fileno(), room.header_at, _FLAGS)
    data = room.view[:received].tobytes() if received > 0 else b""
    stamp = _stamp(room) if received > 0 else None
    _rooms.append(room)
    if received < 0:
        raise _error()
    return data, stamp


def _stamp(room: _Room) -> tuple[int, int] | None:
    if room.header.control_length < _CMSGHDR.size + _TIMESPEC.size:
        return None
    _, level, kind = _CMSGHDR.unpack_from(room.control)
    if level != socket.SOL_SOCKET or kind != SO_TIMESTAMPNS:
        return None
    seconds, nanoseconds = _TIMESPEC.unpack_from(room.control, _CMSGHDR.size)
    return seconds, nanoseconds


def readable(sock: socket.socket) -> bool:
    """Whether the socket has bytes, an end or an error to be read."""
    if _AVAILABLE:
        # poll writes into these bytes, which nobody else has.
        return bool(_poll(_POLLFD.pack(sock.fileno(), select.POLLIN, 0), 1, 0))
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


def ready(epoll: select.epoll, most: int) -> list[tuple[int, int]]:
    """``epoll.poll(0, most)``: descriptors and their events."""
    if _epoll_wait is None:
        return epoll.poll(0, most)
    room = _room()
    count = _epoll_wait(epoll.fileno(), room.address, min(most, _MOST_EVENTS), 0)
    told = room.view[: max(0, count) * _EPOLL_EVENT.size]
    found = [(fd, events) for events, fd in _EPOLL_EVENT.iter_unpack(told)]
    _rooms.append(room)
    if count < 0:
        raise _error()
    return found


def rearm(epoll: select.epoll, fd: int, events: int) -> None:
    """``epoll.modify(fd, events)``."""
    if _epoll_ctl is None:
        epoll.modify(fd, events)
    elif _epoll_ctl(epoll.fileno(), _EPOLL_CTL_MOD, fd, _EPOLL_EVENT.pack(events, fd)):
        raise _error()
