"""The way to an upstream: ``requests`` on the outside, pooled sockets inside.

``UpstreamSession`` → ``Http1Adapter`` → ``Pool`` (→ ``Dialer``) → ``Exchange`` over a
``Connection`` → ``codec`` and ``framing`` → ``Answer``. Arrows point that way only.
``stock`` is the other way there, loaded where the settings ask for it.
"""

from __future__ import annotations

from gateway.transport.adapter import Http1Adapter
from gateway.transport.answer import Answer
from gateway.transport.budget import Timeouts
from gateway.transport.choice import Transport, adapter_for
from gateway.transport.errors import (
    AnswerCutShort,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    DeadlineExceeded,
    PoolExhausted,
    ReadTimedOut,
    TlsFailed,
    TransportError,
)
from gateway.transport.message import OutboundRequest, serialize_head
from gateway.transport.origin import Origin
from gateway.transport.pending import Pending
from gateway.transport.session import UpstreamSession

__all__ = [
    "Answer",
    "AnswerCutShort",
    "BadAnswer",
    "ConnectFailed",
    "ConnectTimedOut",
    "ConnectionLost",
    "DeadlineExceeded",
    "Http1Adapter",
    "Origin",
    "OutboundRequest",
    "Pending",
    "PoolExhausted",
    "ReadTimedOut",
    "Timeouts",
    "TlsFailed",
    "Transport",
    "TransportError",
    "UpstreamSession",
    "adapter_for",
    "serialize_head",
]
