"""``gateway check --probe``: one marked request to every upstream, and what came of it.

A configuration that mirrors nothing must not look healthy: the request goes
through the same decision and the same building as a mirrored one, and what the
shadow would receive is printed byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.exchange import LiveOutcome
from gateway.failures import UPSTREAM_ERRORS
from gateway.forwarded import Client, Tell
from gateway.ids import new_request_id, request_id_of
from gateway.live import LiveProxy, LiveUpstream
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings import Settings
from gateway.shadow.copy import Copy
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import (
    OutboundRequest,
    Timeouts,
    UpstreamSession,
    adapter_for,
    serialize_head,
)

_MARK = "X-Gateway-Probe"


def probe(settings: Settings) -> int:
    """Probe every upstream. 0: all answered, and the shadows get copies; else 1."""
    request = _request(settings)
    with UpstreamSession(adapter_for(settings.transport)) as session:
        healthy = [
            *_probe_lives(settings, session, request),
            *_probe_shadows(settings, session, _copy(request)),
        ]
    if not settings.shadows:
        print("no shadow is configured: nothing is mirrored")
        return 1
    return 0 if all(healthy) else 1


def _request(settings: Settings) -> BufferedRequest:
    """``GET /`` as a client at the gateway's own address would send it, with a probe's id."""
    host = settings.server.bind
    request_id = f"probe-{new_request_id()}"
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_X_REQUEST_ID": request_id,
        "wsgi.url_scheme": "http",
        "gateway.fields": [("Host", host), ("Accept", "*/*"), (_MARK, request_id)],
    }
    return BufferedRequest(environ, b"", had_body=False)


def _copy(request: BufferedRequest) -> Copy:
    request_id = request_id_of(request.environ)
    client = Client.of(request.environ)
    return Copy(request_id, "GET", "/", request.fields, b"", had_body=False, client=client)


def _probe_lives(
    settings: Settings, session: UpstreamSession, request: BufferedRequest
) -> Iterator[bool]:
    """Live, and every route's own: the request is built as for a client."""
    tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
    lives = {"live": settings.live}
    lives.update({f"live of {r.name}": r.live for r in settings.routes if r.live is not None})
    for name, configured in lives.items():
        upstream = LiveUpstream(configured)
        proxy = LiveProxy(RouteTable((), upstream), session, max_body=0, tell=tell)
        outbound = proxy.build(request, upstream)
        print(f"{name} ← GET {outbound.url}")
        yield _send(session, outbound, upstream.timeouts, (upstream.verify, upstream.cert))
        print()


def _probe_shadows(settings: Settings, session: UpstreamSession, copy: Copy) -> Iterator[bool]:
    for configured in settings.shadows:
        tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        shadow = ShadowUpstream(configured, session, lambda name: Switch(), tell)
        request = shadow.build(copy)
        print(f"{configured.name} ← GET {request.url}, exactly:")
        for line in serialize_head(request).decode("latin-1").splitlines():
            print(f"    {line}")
        way = shadow.line
        answered = _send(session, request, way.timeouts, (way.verify, way.cert))
        yield _mirrored(configured.percent, shadow, copy) & answered


def _mirrored(percent: float, shadow: ShadowUpstream, copy: Copy) -> bool:
    """Say when this configuration mirrors nothing, or not this request."""
    if percent == 0:
        print("    0 %: nothing is mirrored to it")
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
        print(f"    → no answer: {error}")
        return False
    return True
