"""One shadow upstream: who is mirrored to it, and the call itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.breaker import Breaker
from gateway.compare.pairing import Half
from gateway.exchange import LiveOutcome
from gateway.forwarded import TELL_NOTHING, Tell, forwarded
from gateway.headers import Field, end_to_end, framed, rewritten, with_host
from gateway.routes import Matcher, canonical_path
from gateway.settings.model import Shadow
from gateway.shadow.call import Line, ShadowCall
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.sampling import Sampler
from gateway.shadow.switch import Switch
from gateway.shadow.work import Work
from gateway.target import path_of
from gateway.tls import tls_arguments
from gateway.transport import Origin, OutboundRequest, Timeouts, UpstreamSession

# Told the shadow's name, the status, and the seconds to the end of the answer.
Answered = Callable[[str, int, float], None]


class ShadowUpstream:
    """A configured shadow.

    ``decide`` runs on the request's thread and must stay cheap and free of I/O;
    what ``call`` returns runs on pool threads. They share only immutable values.
    """

    def __init__(
        self,
        settings: Shadow,
        session: UpstreamSession,
        switch: Callable[[str], Switch],
        tell: Tell = TELL_NOTHING,
        answered: Answered | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._origin = Origin.parse(settings.url)
        self._switch = switch
        self._tell = tell
        self._answered = answered or _nobody
        self._matcher = Matcher(settings.routes, settings.methods)
        self._sampler = Sampler(settings.sample_by, settings.name)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_cooldown)
        seconds = settings.timeout
        self.line = Line(session, Timeouts(seconds, seconds, seconds), *tls_arguments(settings.tls))

    @property
    def percent(self) -> float:
        """The share of matching requests mirrored now; 0 when switched off."""
        switch = self._switch(self.name)
        if switch.off:
            return 0.0
        return self._settings.percent if switch.percent is None else switch.percent

    @property
    def resting(self) -> Outcome | None:
        """Why it gets no request at all at the moment; None if it gets some."""
        if self.percent > 0:
            return None
        off = self._switch(self.name).off
        return Outcome.SKIPPED_SWITCHED_OFF if off else Outcome.SKIPPED_SAMPLED_OUT

    @property
    def needs_live_outcome(self) -> bool:
        """Whether the decision has to wait until live's answer is complete."""
        return not (self._settings.mirror_refused and self._settings.mirror_abandoned)

    def decide(self, copy: Copy, live: LiveOutcome) -> Outcome | None:
        """Why this request is not for this shadow; None when it is."""
        settings = self._settings
        if not self._matcher.covers_path(canonical_path(path_of(copy.target))):
            return Outcome.SKIPPED_ROUTE
        if not self._matcher.covers_method(copy.method):
            return Outcome.SKIPPED_METHOD
        if self._switch(self.name).off:
            return Outcome.SKIPPED_SWITCHED_OFF
        if len(copy.body) > settings.max_body:
            return Outcome.SKIPPED_TOO_LARGE
        if not self._sampler.admits(copy, self.percent):
            return Outcome.SKIPPED_SAMPLED_OUT
        if live is LiveOutcome.ABANDONED and not settings.mirror_abandoned:
            return Outcome.SKIPPED_ABANDONED
        if live in _REFUSED and not settings.mirror_refused:
            return Outcome.SKIPPED_LIVE_REFUSED
        return None

    def build(self, copy: Copy) -> OutboundRequest:
        """The shadow's own request: a new object with its own header list."""
        target = self._origin.base_path + copy.target if copy.target != "*" else "*"
        return OutboundRequest(copy.method, self._origin, target, self._fields(copy), copy.body)

    def _fields(self, copy: Copy) -> list[Field]:
        settings = self._settings
        fields = forwarded(end_to_end(copy.fields), self._tell, copy.client)
        fields = rewritten(fields, settings.headers.set, (*settings.headers.remove, settings.mark))
        fields = with_host(fields, settings.host, self._origin.authority)
        fields = framed(fields, copy.body, had_body=copy.had_body)
        if settings.mark:
            fields.append((settings.mark, copy.request_id))
        return fields

    def call(self, copy: Copy, admission: int | None = None, half: Half | None = None) -> Work:
        """The copy's call, for the pool to run.

        ``admission``: the breaker's; a copy that waited while it opened is not sent.
        ``half``: is given the answer, to be compared.
        """
        return ShadowCall(
            self.line,
            partial(self.build, copy),
            partial(self._overtaken, admission),
            partial(self._answered, self.name),
            half,
        )

    def _overtaken(self, admission: int | None) -> Outcome | None:
        if admission is not None and self.breaker.overtaken(admission):
            return Outcome.DROPPED_BREAKER_OPEN
        return None

    def __repr__(self) -> str:
        return f"<ShadowUpstream {self.name} {self._origin.url} {self.percent:g} %>"


_REFUSED = frozenset({LiveOutcome.REFUSED, LiveOutcome.FAILED, LiveOutcome.NOT_ASKED})


def _nobody(shadow: str, status: int, seconds: float) -> None:
    """Who is told of answers when nobody wants to know."""
