"""The one Session of an upstream side, with everything it would add switched off.

A stock ``requests.Session`` keeps cookies for the next request, whoever sent
it; reads ``~/.netrc`` and proxy variables; follows redirects (and reads their
bodies even when told not to); adds fields of its own. None of that happens here.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.hooks import dispatch_hook
from requests.structures import CaseInsensitiveDict

from gateway.transport.adapter import Http1Adapter
from gateway.transport.budget import Timeouts
from gateway.transport.message import OutboundRequest
from gateway.transport.pending import Pending
from gateway.transport.tls import Certificate, Verify

SCHEMES = ("http+unix://", "https://", "http://")


def _hooked(hooks: Any, response: requests.Response, stream: bool) -> requests.Response:
    hooked: requests.Response = dispatch_hook("response", hooks, response, stream=stream)  # type: ignore[no-untyped-call]
    return hooked


class UpstreamSession(requests.Session):
    """A session that sends what it is given and keeps nothing of the answer.

    *Threads*: any number may share one; all it changes of itself is which adapters
    it has found. What blocks is the adapter.
    """

    def __init__(self, adapter: BaseAdapter | None = None) -> None:
        # Found once for each of a few upstreams, not by its URL for every request.
        self._adapters: dict[str, BaseAdapter] = {}
        super().__init__()
        self.trust_env = False
        self.headers = CaseInsensitiveDict()
        adapter = adapter if adapter is not None else Http1Adapter()
        for scheme in SCHEMES:
            self.mount(scheme, adapter)

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Have an adapter for all URLs that begin so, with no more than scheme and authority.

        Before the first request.
        """
        super().mount(prefix, adapter)
        self._adapters.clear()

    def _adapter(self, request: requests.PreparedRequest) -> BaseAdapter:
        if not isinstance(request, OutboundRequest):
            return self.get_adapter(request.url or "")
        address = request.origin.address
        known = self._adapters.get(address)
        if known is None:
            known = self._adapters[address] = self.get_adapter(address)
        return known

    def forward(
        self,
        request: OutboundRequest,
        timeouts: Timeouts,
        verify: Verify = True,
        cert: Certificate = None,
    ) -> requests.Response:
        """``send()``, streaming: returns when the answer's head is there."""
        return self._send(request, True, timeouts, verify, cert)

    def begin(
        self,
        request: OutboundRequest,
        timeouts: Timeouts,
        verify: Verify = True,
        cert: Certificate = None,
    ) -> Pending | None:
        """Sends a request if that needs no waiting; None if it does: ``forward`` it then."""
        adapter = self._adapter(request)
        if not isinstance(adapter, Http1Adapter):
            return None
        return adapter.begin(request, timeouts, verify, cert)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As ``requests.Session.send``, but never redirected, proxied or given cookies."""
        if not isinstance(request, requests.PreparedRequest):
            raise ValueError("You can only send PreparedRequests.")
        return self._send(
            request,
            kwargs.get("stream", self.stream),
            kwargs.get("timeout"),
            kwargs.get("verify", self.verify),
            kwargs.get("cert", self.cert),
        )

    def _send(
        self, request: requests.PreparedRequest, stream: bool, timeout: Any, verify: Any, cert: Any
    ) -> requests.Response:
        adapter = self._adapter(request)
        if isinstance(timeout, Timeouts) and not getattr(adapter, "takes_total", False):
            timeout = timeout[:2]  # requests' own adapter knows no total
        started = time.perf_counter()
        response = adapter.send(request, stream, timeout, verify, cert, None)
        response.elapsed = timedelta(seconds=time.perf_counter() - started)
        if request.hooks.get("response"):
            response = _hooked(request.hooks, response, stream)
        if not stream:
            response.content  # noqa: B018 (reads the body, as requests does)
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: stock ``send`` reads the body of a 3xx if there is one."""
        return
