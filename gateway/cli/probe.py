"""``gateway check --probe``: one marked request to every upstream, and what came of it.

A configuration that mirrors nothing must not look healthy: the request goes
through the same decision and the same building as a mirrored one, and what the
shadow would receive is printed byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from gateway.exchange import LiveOutcome
from gateway.failures import UPSTREAM_ERRORS
from gateway.ids import new_request_id
from gateway.live import LiveUpstream
from gateway.settings import Settings
from gateway.shadow.copy import Copy
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import (
    Http1Adapter,
    OutboundRequest,
    Timeouts,
    UpstreamSession,
    serialize_head,
)

_MARK = "X-Gateway-Probe"


def probe(settings: Settings) -> int:
    """Probe live and every shadow. 0: all answered, and the shadows get copies; else 1."""
    copy = Copy(f"probe-{new_request_id()}", "GET", "/", _fields(settings), b"", had_body=False)
    with UpstreamSession(Http1Adapter()) as session:
        healthy = [
            _probe_live(settings, session, copy),
            *_probe_shadows(settings, session, copy),
        ]
    if not settings.shadows:
        print("no shadow is configured: nothing is mirrored", file=sys.stderr)
        return 1
    return 0 if all(healthy) else 1


def _fields(settings: Settings) -> tuple[tuple[str, str], ...]:
    return (("Host", settings.server.bind), ("Accept", "*/*"))


def _probe_live(settings: Settings, session: UpstreamSession, copy: Copy) -> bool:
    upstream = LiveUpstream(settings.live)
    origin = upstream.origin
    fields = [*copy.fields, (_MARK, copy.request_id)]
    request = OutboundRequest("GET", origin, origin.base_path + "/", fields, b"")
    print(f"live ← GET {request.url}")
    return _send(session, request, upstream.timeouts, (upstream.verify, upstream.cert))


def _probe_shadows(settings: Settings, session: UpstreamSession, copy: Copy) -> Iterator[bool]:
    for configured in settings.shadows:
        shadow = ShadowUpstream(configured, session, lambda name: Switch())
        request = shadow.build(copy)
        print(f"\n{configured.name} ← GET {request.url}, exactly:")
        for line in serialize_head(request).decode("latin-1").splitlines():
            print(f"    {line}")
        yield _mirrored(configured.percent, shadow, copy) & _send(
            session, request, shadow.timeouts, shadow.tls
        )


def _mirrored(percent: float, shadow: ShadowUpstream, copy: Copy) -> bool:
    """Say when this configuration mirrors nothing, or not this request."""
    if percent == 0:
        print("    0 %: nothing is mirrored to it", file=sys.stderr)
        return False
    skipped = shadow.decide(copy, LiveOutcome.ANSWERED)
    if skipped is not None:
        print(f"    a request like this one would be skipped: {skipped.reason}")
    return True


def _send(
    session: UpstreamSession,
    request: OutboundRequest,
    timeouts: Timeouts,
    tls: tuple[bool | str, str | tuple[str, str] | None],
) -> bool:
    verify, cert = tls
    try:
        with session.forward(request, timeouts, verify=verify, cert=cert) as answer:
            print(f"    → {answer.status_code} {answer.reason}")
    except UPSTREAM_ERRORS as error:
        print(f"    → no answer: {error}", file=sys.stderr)
        return False
    return True
