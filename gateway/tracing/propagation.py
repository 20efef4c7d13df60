"""Trace contexts in and out of header fields: W3C Trace Context, and nothing else.

``baggage`` passes through untouched, like any field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.headers import Field, rewritten

_FORM = TraceContextTextMapPropagator()
_FIELDS = ("traceparent", "tracestate")


def context_of(environ: Mapping[str, Any]) -> Context:
    """The context the client sent; an empty one if it sent none, or none that is well formed."""
    sent = {name: environ.get(f"HTTP_{name.upper()}") for name in _FIELDS}
    return _FORM.extract({name: value for name, value in sent.items() if value}, Context())


def with_span(fields: Iterable[Field], span: Span) -> list[Field]:
    """The fields with the span's context in place of one that they bring."""
    carrier: dict[str, str] = {}
    _FORM.inject(carrier, set_span_in_context(span, Context()))
    return rewritten(fields, carrier, _FIELDS)
