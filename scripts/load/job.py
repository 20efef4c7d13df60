"""What a client is told to do, and what it tells: values that cross a pipe as JSON.

The leaf that the client process and the bench share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# What is recorded in place of a status where there was no (whole) answer.
UNANSWERED = 0  # not within the patience after the last phase
BROKEN = -1  # closed or reset without a whole answer
NONSENSE = -2  # not an HTTP answer, or bytes behind its end
UNCONNECTED = -3  # no connection could be had


@dataclass(frozen=True)
class Phase:
    """So many seconds at a Poisson ``rate``; 0: every connection always busy (closed loop)."""

    name: str
    seconds: float
    rate: float


TARGET = "/v1/invoices?page=1"
# Where the whole chain takes bodies that are larger than any JSON it would look into.
UPLOADS = "/v1/uploads"


@dataclass(frozen=True)
class Load:
    """A steady load: a warm-up, then so many seconds at one rate (0: closed loop)."""

    rate: float
    connections: int
    seconds: float
    warm_up: float = 2.0
    body_bytes: int = 1024
    patience: float = 5.0
    target: str = TARGET

    def job(self, host: str, port: int) -> Job:
        phases = (
            Phase("warm-up", self.warm_up, self.rate),
            Phase("measured", self.seconds, self.rate),
        )
        return Job(
            port,
            self.connections,
            phases,
            host=host,
            body_bytes=self.body_bytes,
            patience=self.patience,
            target=self.target,
        )


@dataclass(frozen=True)
class Job:
    """One run of the client. ``patience``: seconds that late answers are waited for."""

    port: int
    connections: int
    phases: tuple[Phase, ...]
    host: str = "127.0.0.1"
    method: str = "POST"
    target: str = TARGET
    body_bytes: int = 1024
    fields: Mapping[str, str] = field(default_factory=dict)
    patience: float = 5.0
    seed: int = 7

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        told: dict[str, Any] = json.loads(text)
        phases = tuple(Phase(**phase) for phase in told.pop("phases"))
        return cls(phases=phases, **told)

    def request(self) -> bytes:
        """The bytes of every request of this job."""
        fields = {
            "Host": f"{self.host}:{self.port}",
            "User-Agent": "loadtest",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **self.fields,
        }
        body = json_body(self.body_bytes) if self.method != "GET" else b""
        if body:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.target} HTTP/1.1\r\n{lines}\r\n".encode() + body


def json_body(size: int) -> bytes:
    """A JSON document of exactly ``size`` bytes (or the smallest one there is)."""
    frame = b'{"customer": "c-1001", "note": "%b"}'
    return frame % (b"x" * max(0, size - len(frame) + 2))
