"""A client that sends the bytes it is given and reads answers strictly."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Answer:
    """One answer as received."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]


class BrokenAnswer(Exception):
    """The connection ended before the answer was complete."""


class Client:
    """One connection. A context manager; times out rather than hang."""

    def __init__(
        self,
        port: int,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
        source: str = "",
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, target: str, *fields: str, body: bytes | None = None) -> Answer:
        """Send a plain request (``fields`` as "Name: value") and read its answer."""
        lines = [f"{method} {target} HTTP/1.1", "Host: gateway.test", *fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
        return self.answer(method)

    def answer(self, method: str = "GET") -> Answer:
        """Read one answer, skipping interim ones."""
        while True:
            line, fields = self.head()
            if line.split(" ")[1].startswith("1"):
                continue
            answer = Answer(line, fields, b"")
            answer.body = b"".join(self.parts(answer, method))
            return answer

    def head(self) -> tuple[str, list[tuple[str, str]]]:
        """Read a status line and the fields."""
        line = self._line()
        fields = []
        while field := self._line():
            name, value = field.split(":", 1)
            fields.append((name, value.strip(" \t")))
        return line, fields

    def _line(self) -> str:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise BrokenAnswer(f"the head ends in {line!r}")
        return line[:-2].decode("latin-1")

    def parts(self, answer: Answer, method: str) -> Iterator[bytes]:
        """The body part by part, as the framing says."""
        if method == "HEAD" or answer.status in (204, 304):
            return
        length = answer.values("content-length")
        if answer.values("transfer-encoding") == ["chunked"]:
            while size := int(self._line(), 16):
                yield self._exactly(size)
                self._line()
            self._line()
        elif length:
            yield self._exactly(int(length[0]))
        else:
            yield self._reader.read()

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise BrokenAnswer(f"{len(data)} of {size} bytes")
        return data

    def closed(self) -> bool:
        """Whether the peer has closed the connection; waits for it."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True
