"""Sends a kept request to its shadow once more, and compares what it says now.

The request goes out as the shadow's copies do, but for credentials: those were redacted
before it was kept, and a digest is none. Live is never asked. The answer is redacted
before anybody sees it, and by what is left of values, their type and length, it is
compared with live's.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Comparison, Judged, Verdict
from gateway.failures import UPSTREAM_ERRORS, outcome_of
from gateway.forwarded import Tell
from gateway.headers import Field
from gateway.settings import Settings
from gateway.shadow.copy import Copy
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.traffic.sending import captured
from gateway.transport import OutboundRequest, UpstreamSession, adapter_for

_DIGEST = re.compile(r"(redacted:[a-z]+:[0-9]+:)[0-9a-f]{16}")
_DIGEST_BYTES = re.compile(_DIGEST.pattern.encode())
_FAILED = {"timed_out": Verdict.TIMED_OUT}


class Replayed(NamedTuple):
    """What came of it. ``failure``: why there was no answer, "" if there was one.

    ``judged``: as the comparison would store it. ``left_out``: fields that were not sent.
    """

    judged: Judged
    failure: str
    left_out: tuple[str, ...]


class NoSuchShadow(Exception):
    """The settings have no shadow of this name any more."""


class Replayer:
    """Threads: any number may replay at once; each waits for its own answer."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._adapter = adapter_for(settings.transport)
        session = UpstreamSession(self._adapter)
        tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        self._upstreams = {
            each.name: ShadowUpstream(each, session, lambda name: Switch(), tell)
            for each in settings.shadows
        }
        routes = [(route.path, route.methods, route.compare) for route in settings.routes]
        self._comparer = Comparer(settings.compare, routes)
        key_field = settings.authentication.key_field
        # Digests of another key than the workers': only their type and length are used.
        self._redactor = Redactor(
            settings.compare, secrets.token_bytes(32), extra_fields=(key_field,)
        )
        self._max_body = settings.compare.max_body
        self._clock = clock

    def replay(self, kept: Judged) -> Replayed:
        """Raises ``NoSuchShadow``."""
        upstream = self._upstreams.get(kept.shadow)
        if upstream is None:
            raise NoSuchShadow(kept.shadow)
        request = kept.request
        sent = tuple(each for each in request.fields if not _DIGEST.search(each[1]))
        left_out = tuple(name for name, value in request.fields if _DIGEST.search(value))
        answer = self._answer(upstream, request._replace(fields=sent))
        failure = answer if isinstance(answer, str) else ""
        fresh = None if isinstance(answer, str) else answer
        judged = kept._replace(answer=fresh, at=self._clock(), comparison=Comparison(Verdict.MATCH))
        safe = self._redactor.redacted(judged)
        judged = safe._replace(comparison=self._compared(safe, failure))
        return Replayed(judged, failure, left_out)

    def _compared(self, judged: Judged, failure: str) -> Comparison:
        if judged.answer is None:
            verdict = _FAILED.get(failure, Verdict.SHADOW_FAILED)
            return Comparison(verdict, failure)
        if judged.live is None:
            return Comparison(Verdict.NOT_COMPARED, "live_failed")
        live, shadow = _of_any_key(judged.live), _of_any_key(judged.answer)
        return self._comparer.compare(judged.request, live, shadow)

    def _answer(self, upstream: ShadowUpstream, request: Copy) -> Answer | str:
        try:
            outbound = upstream.build(request)
        except ValueError:  # requests' InvalidHeader and InvalidURL
            return "invalid"
        try:
            return self._sent(upstream, outbound)
        except UPSTREAM_ERRORS as error:
            return outcome_of(error).reason

    def _sent(self, upstream: ShadowUpstream, outbound: OutboundRequest) -> Answer | str:
        session, timeouts, verify, cert = upstream.line
        began = time.monotonic()
        with session.forward(outbound, timeouts, verify=verify, cert=cert) as answer:
            return captured(answer, self._max_body, began)

    def close(self) -> None:
        """Leave no connection behind."""
        self._adapter.abort()

    def __repr__(self) -> str:
        return f"<Replayer to {', '.join(self._upstreams) or 'nobody'}>"


def _of_any_key(answer: Answer) -> Answer:
    """The answer with digests that are equal for values of the same type and length."""
    body = answer.body
    masked = None if body is None else _DIGEST_BYTES.sub(rb"\g<1>0000000000000000", body)
    fields: tuple[Field, ...] = tuple(
        (name, _DIGEST.sub(r"\g<1>0000000000000000", value)) for name, value in answer.fields
    )
    # That of a body that was not kept is of a key that nobody has here.
    return answer._replace(body=masked, fields=fields)
