"""Live as its own shadow: some GETs are sent to it twice, to see how much it differs from itself.

That is the floor under every match rate: no rewrite can agree with live more than live
does. It is a shadow like any other (pool, ledger, breaker, deadline, comparison), named
``live`` and counted apart, but for what it may cost live: only GETs that live has
answered well, at a capped rate, over connections that live's own calls do not share,
and nothing while the gateway is overloaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Lock

from gateway.compare.pairing import Half
from gateway.exchange import LiveOutcome
from gateway.forwarded import TELL_NOTHING, Tell
from gateway.headers import rewritten
from gateway.routes import RouteTable
from gateway.settings.floor import Floor
from gateway.settings.model import Live, Shadow
from gateway.shadow.call import ShadowCall
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import Answered, ShadowUpstream
from gateway.shadow.work import Work
from gateway.target import path_of
from gateway.transport import UpstreamSession

NAME = "live"


class Rate:
    """At most ``per_second`` in the long run, and never two at once.

    Threads: any. The lock guards one moment, for a comparison. Nothing blocks.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = 1 / per_second
        self._clock = clock
        self._lock = Lock()
        self._next = clock()

    def allows(self) -> bool:
        """Whether one would be allowed now."""
        return self._clock() >= self._next

    def take(self) -> bool:
        """Take one, if it is allowed."""
        now = self._clock()
        with self._lock:
            if now < self._next:
                return False
            self._next = now + self._pause
            return True


class FloorShadow(ShadowUpstream):
    """``lives``: the live upstream of each route. ``workers`` share the rate.

    ``id_field``: in which live gets the request's id, as with the first read.
    """

    def __init__(
        self,
        config: Floor,
        lives: RouteTable[Live],
        session: UpstreamSession,
        switch: Callable[[str], Switch],
        tell: Tell = TELL_NOTHING,
        answered: Answered | None = None,
        *,
        workers: int = 1,
        id_field: str = "",
    ) -> None:
        def shadow_of(live: Live) -> Shadow:
            # Nothing must tell it that this is a copy: it might act accordingly.
            return Shadow(
                url=live.url,
                name=NAME,
                percent=config.percent,
                methods=("GET",),
                timeout=config.timeout,
                host=live.host,
                mark="",
                tls=live.tls,
            )

        def made(live: Live) -> ShadowUpstream:
            return ShadowUpstream(shadow_of(live), session, switch, tell, answered)

        super().__init__(shadow_of(lives.find("", "")), session, switch, tell, answered)
        self._lives = lives.map(made)
        self._rate = Rate(config.max_rate / workers)
        self._id_field = id_field

    def decide(self, copy: Copy, live: LiveOutcome) -> Outcome | None:
        """As of any shadow; of a request with a body nobody knows what reading it twice does."""
        if copy.method == "GET" and (live is not LiveOutcome.ANSWERED or copy.body):
            return Outcome.SKIPPED_LIVE_REFUSED
        outcome = super().decide(copy, live)
        if outcome is None and not self._rate.allows():
            return Outcome.SKIPPED_SAMPLED_OUT
        return outcome

    def call(self, copy: Copy, admission: int | None = None, half: Half | None = None) -> Work:
        """The second read, of the upstream that the first one was of."""
        upstream = self._lives.find(copy.method, path_of(copy.target))
        if self._id_field:
            fields = rewritten(copy.fields, {self._id_field: copy.request_id}, ())
            copy = copy._replace(fields=tuple(fields))
        return ShadowCall(
            upstream.line,
            partial(upstream.build, copy),
            partial(self._stopped, admission),
            partial(self._answered, self.name),
            half,
        )

    def _stopped(self, admission: int | None) -> Outcome | None:
        """Asked when it is sent: the rate is taken then, as not every offer gets so far."""
        stopped = self._overtaken(admission)
        if stopped is None and not self._rate.take():
            return Outcome.SKIPPED_SAMPLED_OUT
        return stopped
