"""Slow clients, all from one process: what B8 is about.

    python -m load.attackers < an attack, one line of JSON, on a standard input that stays open

``heads`` send a request head a byte at a time, ``bodies`` a body; ``silent``
ones connect and say nothing; ``unread`` ones ask for an answer of 1 MB and do
not read it. Whoever is cut off comes back a moment later. Prints a line when all
are connected, and one with what became of them at the end.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass

from .limits import raise_descriptor_limit

_TRICKLE_SECONDS = 1.0
_RETURN_SECONDS = 0.5
_BATCH = 100  # connections begun between two looks at what has happened
_UNREAD_BYTES = 1_000_000
_SMALL_BUFFER = 4096
_ASK_SECONDS = 1
_OPENINGS = {
    "heads": b"POST /slow HTTP/1.1\r\nHost: gateway\r\nX-Slow: ",
    "bodies": b"POST /slow HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
    b"X-API-Key: loadtest-key\r\nContent-Length: 100000\r\n\r\n",
    "silent": b"",
    "unread": b"GET /bytes/%d HTTP/1.1\r\nHost: gateway\r\nX-API-Key: loadtest-key\r\n\r\n"
    % _UNREAD_BYTES,
}
_TRICKLING = ("heads", "bodies")
_GONE = select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP


@dataclass(frozen=True)
class Attack:
    """How many of each kind, for how long."""

    port: int
    seconds: float
    heads: int = 1000
    bodies: int = 1000
    silent: int = 1000
    unread: int = 200

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Slow:
    """One slow client."""

    __slots__ = ("kind", "said", "sock")

    def __init__(self, kind: str, port: int) -> None:
        self.kind = kind
        self.said = False  # its opening
        self.sock = socket.socket()
        if kind == "unread":  # or the kernel would take the answer for it
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
            # A server that gives up can end its side without a word; asked, it says so.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ASK_SECONDS)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _ASK_SECONDS)
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))

    @property
    def events(self) -> int:
        if not self.said:
            return select.EPOLLOUT
        return _GONE if self.kind == "unread" else select.EPOLLIN | _GONE


class Attackers:
    """All of them. ``cut_off`` counts by kind, ``statuses`` what they were told before."""

    def __init__(self, attack: Attack, until_closed: int) -> None:
        self._attack = attack
        self._until_closed = until_closed
        self._epoll = select.epoll()
        self._epoll.register(until_closed, select.EPOLLIN)
        self._slow: dict[int, Slow] = {}
        self._turns: deque[tuple[float, int, Slow]] = deque()  # when who sends a byte
        self._back: deque[tuple[float, str]] = deque()  # when who comes back
        self.cut_off: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def connect(self) -> bool:
        for kind in _OPENINGS:
            for number in range(getattr(self._attack, kind)):
                self._begin(kind)
                if number % _BATCH == 0 and not self._turn(0.0):
                    return False
        while any(not slow.said for slow in self._slow.values()):
            if not self._turn(0.05):
                return False
        return True

    def run(self) -> None:
        until = time.monotonic() + self._attack.seconds
        while (now := time.monotonic()) < until and self._turn(0.05):
            while self._turns and self._turns[0][0] <= now:
                self._trickle(*self._turns.popleft()[1:])
            while self._back and self._back[0][0] <= now:
                self._begin(self._back.popleft()[1])

    def _turn(self, wait: float) -> bool:
        for fd, event in self._epoll.poll(wait):
            if fd == self._until_closed:
                return False
            self._happened(fd, self._slow[fd], event)
        return True

    def _happened(self, fd: int, slow: Slow, event: int) -> None:
        try:
            if not slow.said and event & select.EPOLLOUT:
                self._open(fd, slow)
            elif event & select.EPOLLIN:
                self._read(slow)
            if event & _GONE:
                self._cut_off(fd, slow)
        except OSError:
            self._cut_off(fd, slow)

    def _begin(self, kind: str) -> None:
        slow = Slow(kind, self._attack.port)
        self._slow[slow.sock.fileno()] = slow
        self._epoll.register(slow.sock.fileno(), slow.events)

    def _open(self, fd: int, slow: Slow) -> None:
        slow.sock.send(_OPENINGS[slow.kind] or b"")
        slow.said = True
        self._epoll.modify(fd, slow.events)
        if slow.kind in _TRICKLING:
            self._turns.append((time.monotonic() + _TRICKLE_SECONDS, fd, slow))

    def _trickle(self, fd: int, slow: Slow) -> None:
        if self._slow.get(fd) is not slow:
            return
        try:
            slow.sock.send(b"x")
        except OSError:
            return  # its event says so too
        self._turns.append((time.monotonic() + _TRICKLE_SECONDS, fd, slow))

    def _read(self, slow: Slow) -> None:
        data = slow.sock.recv(4096)
        if data.startswith(b"HTTP/1."):
            self.statuses[f"{slow.kind} {data[9:12].decode()}"] += 1
        elif not data:
            raise ConnectionError

    def _cut_off(self, fd: int, slow: Slow) -> None:
        self.cut_off[slow.kind] += 1
        del self._slow[fd]
        slow.sock.close()
        self._back.append((time.monotonic() + _RETURN_SECONDS, slow.kind))

    def told(self) -> str:
        return json.dumps({"cut_off": self.cut_off, "statuses": self.statuses})

    def close(self) -> None:
        for slow in self._slow.values():
            slow.sock.close()
        self._epoll.close()


def main() -> None:
    attackers = Attackers(Attack(**json.loads(sys.stdin.readline())), sys.stdin.fileno())
    raise_descriptor_limit()
    try:
        if attackers.connect():
            print("ready", flush=True)
            attackers.run()
    except KeyboardInterrupt:
        pass  # Ctrl-C reaches the whole group
    finally:
        attackers.close()
    print(attackers.told(), flush=True)


if __name__ == "__main__":
    main()
