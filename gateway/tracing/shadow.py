"""A copy's span: a trace of its own, linked to the request it is a copy of.

Were it a child, every trace of production would wait for the shadow and show
its errors as the request's own. What the shadow is sent carries this span's
context instead of the client's, so that its own spans belong here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    use_span,
)

from gateway.compare.pairing import Half
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.upstream import Answered, ShadowUpstream
from gateway.shadow.work import Work
from gateway.tracing.propagation import with_span

_Make = Callable[[Copy], Work]


class TracedShadow(ShadowUpstream):
    """A shadow whose calls have spans. Made like its base, with a tracer before all else."""

    def __init__(self, tracer: Tracer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tracer = tracer
        self._answered = partial(_note_status, self._answered)

    # Whoever calls it wants Work; that the base makes a ShadowCall is its own business.
    def call(self, copy: Copy, admission: int | None = None, half: Half | None = None) -> Work:
        """As the base class; a copy of a request without a span has none."""
        make = partial(super().call, admission=admission, half=half)
        if not isinstance(copy.trace, SpanContext):
            return make(copy)
        return TracedCall(self._tracer, self.name, copy, copy.trace, make)


class TracedCall:
    """``Work`` around the call's own: its span begins and ends with it.

    Threads: as ``Work`` says, one at a time.
    """

    def __init__(
        self, tracer: Tracer, shadow: str, copy: Copy, of: SpanContext, make: _Make
    ) -> None:
        self._start = partial(
            tracer.start_span,
            f"{copy.method} shadow",
            Context(),  # no parent, whatever is current on a pool thread
            kind=SpanKind.CLIENT,
            attributes=_attributes(shadow, copy),
            links=[Link(of, {"gateway.link": "copy of"})],
        )
        self._copy = copy
        self._make = make
        self._span: Span | None = None
        self._work: Work | None = None
        self.ends = 0.0

    def begin(self) -> Outcome | None:
        """Begin the span and the call."""
        return self._step(self._begun().begin)

    def fileno(self) -> int:
        """The call's descriptor."""
        return self._work.fileno() if self._work is not None else -1

    def advance(self) -> Outcome | None:
        """Go on with the call."""
        return self._step(self._begun().advance)

    def finish(self) -> Outcome:
        """End the call."""
        return self._step(self._begun().finish) or Outcome.FAILED_INTERNAL

    def _begun(self) -> Work:
        if self._work is None:
            self._span = span = self._start()
            fields = tuple(with_span(self._copy.fields, span))
            self._work = self._make(self._copy._replace(fields=fields))
        return self._work

    def _step(self, step: Callable[[], Outcome | None]) -> Outcome | None:
        """A step of the call with its span current; an outcome, or an error, ends both."""
        span = self._span
        if span is None:  # for mypy: whoever has a step has begun
            return step()
        try:
            with use_span(span, record_exception=True):
                outcome = step()
        except BaseException:
            span.end()
            raise
        self.ends = self._begun().ends
        if outcome is not None:
            _end(span, outcome)
        return outcome


def _note_status(told: Answered, shadow: str, status: int, seconds: float) -> None:
    """On its way to the metrics: the answer's status, for the call under way on this thread."""
    get_current_span().set_attribute("http.response.status_code", status)
    told(shadow, status, seconds)


def _end(span: Span, outcome: Outcome) -> None:
    span.set_attribute("gateway.outcome", outcome.outcome)
    if outcome.reason:
        span.set_attribute("gateway.reason", outcome.reason)
    if outcome.outcome != "answered":
        span.set_status(StatusCode.ERROR, outcome.reason)
    span.end()


def _attributes(shadow: str, copy: Copy) -> Mapping[str, str]:
    return {
        "gateway.shadow": shadow,
        "gateway.request_id": copy.request_id,
        "http.request.method": copy.method,
    }
