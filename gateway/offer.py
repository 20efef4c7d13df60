"""One request that is mirrored: live is called, its answer passed on, the copy offered.

The order is the isolation: the copy was made by value before, and only when the
first part of live's answer has gone to the client (or the answer is closed) is it
offered. So a shadow can neither answer first nor compete with its own live request,
and offering never waits. If answers are compared, live's is captured as it goes past.

Not done here: reading requests. ``mirror.py`` does that for a gateway, which refuses
what it cannot forward, and ``embedded/`` for a host, which must not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.compare.capture import MOST_DIGESTED
from gateway.exchange import Exchange, LiveOutcome
from gateway.headers import Field
from gateway.shadow.copy import Copy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.compare.pairing import Pairing
    from gateway.shadow.fanout import Fanout


def mirrored(
    app: WSGIApplication,
    fanout: Fanout,
    copy: Copy,
    exchange: Exchange,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> MirroredAnswer:
    """Call live (``app``), and offer this copy of the request, by whomever it was made."""
    offer = _Offer(fanout, copy, exchange)

    def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        exchange.status = status_of(status)
        offer.fields = tuple(headers)
        return offer.seeing(start_response(status, headers, exc_info))

    try:
        answer = MirroredAnswer(app(environ, started), offer)
    except BaseException:
        offer.ended(LiveOutcome.FAILED)
        raise
    offer.called()
    return answer


def status_of(status: str) -> int | None:
    """The number of a status line; None for one without, which is for the server to judge."""
    try:
        return int(status[:3])
    except (TypeError, ValueError):
        return None


def pairing_of(fanout: Fanout, copy: Copy, exchange: Exchange) -> Pairing | None:
    """Where live's answer and the shadows' come together; None where nobody compares."""
    if fanout.comparing is None:
        return None
    return fanout.comparing.open(copy, exchange.route or "", exchange.received)


class _Offer:
    """The one offer of a request to the shadows, and what was seen of live until then.

    ``fields``: of live's answer. Only the time spent on live counts as live's, not
    that in which the client was slow to read.
    """

    __slots__ = (
        "_began",
        "_copy",
        "_dropped",
        "_ended",
        "_exchange",
        "_fanout",
        "_held_out",
        "_made",
        "_pairing",
        "_seconds",
        "fields",
    )

    def __init__(self, fanout: Fanout, copy: Copy, exchange: Exchange) -> None:
        self._fanout = fanout
        self._copy = copy
        self._exchange = exchange
        self._dropped = fanout.gives_nothing()
        self._pairing = pairing_of(fanout, copy, exchange) if self._dropped is None else None
        self._held_out: bool | None = None
        self._made = False
        self._ended = False
        self.fields: tuple[Field, ...] = ()
        self._seconds = 0.0
        self._began = time.monotonic()

    def called(self) -> None:
        """Live was called; a proxy knows better than the clock here how long it took."""
        known = self._exchange.upstream_seconds
        self._seconds = time.monotonic() - self._began if known is None else known

    def seeing(self, write: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """``start_response``'s ``write``, whose bytes are the answer's too."""
        return write if self._pairing is None else partial(self._written, write)

    def _written(self, write: Callable[[bytes], object], data: bytes) -> None:
        write(data)
        self.passed(data, 0.0)

    def passed(self, part: bytes, seconds: float) -> None:
        """A part of live's answer, for which it took so long."""
        self._seconds += seconds
        if self._pairing is not None:
            self._pairing.live.add(part)

    @property
    def needs_no_bytes(self) -> bool:
        """Whether a comparison could do nothing with the answer's body anyhow."""
        if self._pairing is None:
            return True
        lengths = [value for name, value in self.fields if name.lower() == "content-length"]
        return bool(lengths) and lengths[0].isdigit() and int(lengths[0]) > MOST_DIGESTED

    def unseen(self) -> None:
        """Live's answer does not come past here."""
        if self._pairing is not None:
            self._pairing.live.cut_off()

    def early(self) -> None:
        """Offer before the answer is complete, unless a shadow wants to know how it ends."""
        if not self._fanout.after_answer:
            self.now()

    def now(self) -> None:
        """Offer, unless that was done before."""
        if self._made:
            return
        self._made = True
        exchange, pairing = self._exchange, self._pairing
        if not exchange.mirrored:
            exchange.mirrored = True
            live = exchange.live or _by_status(exchange.status)
            offered = self._fanout.offer(self._copy, live, pairing, self._dropped)
            exchange.copies, self._held_out, exchange.missed = offered
        if pairing is not None:
            pairing.offered()

    def ended(self, outcome: LiveOutcome | None) -> None:
        """Note how live ended, then offer. None: to the end, so the status tells."""
        exchange = self._exchange
        if exchange.live is None:
            exchange.live = outcome or _by_status(exchange.status)
        self.now()
        if self._ended:
            return
        self._ended = True
        if self._pairing is not None:
            self._pairing.live_ended(
                exchange.live, exchange.status or 0, self.fields, self._seconds
            )
        if self._held_out is not None:
            failed = exchange.live is LiveOutcome.FAILED or (exchange.status or 0) >= 500
            for watch in self._fanout.watchers:
                watch(self._held_out, time.monotonic() - exchange.received, failed)


def _by_status(status: int | None) -> LiveOutcome:
    if status is None:
        return LiveOutcome.FAILED
    return LiveOutcome.REFUSED if status >= 400 else LiveOutcome.ANSWERED


class MirroredAnswer:
    """Live's answer, passed through part by part."""

    __slots__ = ("_answer", "_ended", "_offer", "_parts", "_passed")

    def __init__(self, answer: Iterable[bytes], offer: _Offer) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._offer = offer
        self._passed = False
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        offer = self._offer
        if self._passed:
            # Asked for more: the server has written the first part to the client.
            offer.early()
        began = time.monotonic()
        try:
            part = next(self._parts)
        except StopIteration:
            self._ended = True
            offer.passed(b"", time.monotonic() - began)
            raise
        except BaseException:
            self._ended = True
            offer.ended(LiveOutcome.FAILED)
            raise
        self._passed = True
        offer.passed(part, time.monotonic() - began)
        return part

    @property
    def needs_no_bytes(self) -> bool:
        """Whether nobody loses anything if it does not come past here."""
        return self._offer.needs_no_bytes

    def left_to_server(self) -> None:
        """The server sends a file by itself: nothing is seen of it, nor whether all of it went."""
        self._ended = True
        self._offer.unseen()

    def close(self) -> None:
        """Close live's answer; whatever that does, the copies are offered."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            self._offer.ended(None if self._ended else LiveOutcome.ABANDONED)
