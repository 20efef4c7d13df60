"""What one client connection may cost, in bytes and seconds.

Class attributes, not settings objects: a worker inherits them and the gunicorn
configuration sets others on the worker class before it forks.
"""

from __future__ import annotations

from typing import Protocol

from gateway.settings.admission import Admission

KIB = 1024
MIB = 1024 * KIB


class ByteBudget(Protocol):
    """Bytes that all buffered bodies of one worker may take together.

    Called from request threads and the main thread; must not block.
    """

    def reserve(self, size: int) -> bool:
        """Take ``size`` bytes; False, at once, when they are not to be had."""

    def release(self, size: int) -> None:
        """Give back what was reserved."""


class Unlimited:
    """No common budget: each body is bounded by ``max_body_bytes`` alone."""

    def reserve(self, size: int) -> bool:
        return True

    def release(self, size: int) -> None:
        pass


class Limits:
    """One worker's bounds. Durations are seconds."""

    # A larger body is not read: the application is called at once and refuses it.
    max_body_bytes: int = 10 * MIB
    # Chunk sizes, extensions and trailers are not content but fill memory like it.
    max_chunk_overhead_bytes: int = 1 * MIB
    # gunicorn alone would buffer limit_request_fields * limit_request_field_size = 800 KiB.
    max_head_bytes: int = 64 * KIB

    # From the first byte of a head to its last (a silent new connection: from accept).
    header_timeout: float = 10.0
    # A body has this long, and a second more for every body_min_rate bytes received.
    body_timeout: float = 30.0
    body_min_rate: int = 1 * KIB
    # How long a client may go without taking one byte of its answer; one that has fallen
    # behind has as long in all, and a second more for every write_min_rate bytes it takes.
    write_timeout: float = 30.0
    write_min_rate: int = 1 * KIB
    # Requests that may wait for slow clients; 0: half of those that may be in progress. The
    # slowest of more are cut off.
    max_waiting_writers: int = 0
    # What a client may leave untaken before the application has to wait for it.
    max_unsent_bytes: int = 256 * KIB

    # Lingering close (RFC 9112 section 9.6): in all, between two reads, and in bytes.
    linger_timeout: float = 10.0
    linger_idle_timeout: float = 2.0
    linger_max_bytes: int = 64 * MIB
    # A stopping worker keeps idle connections this long, for a request already under way.
    drain_linger: float = 2.0

    # How much is taken on at once; see ``gateway.server.turnstile``.
    admission: Admission = Admission()

    # Shared by all bodies being buffered; see ``gateway.server.reader``.
    budget: ByteBudget = Unlimited()
