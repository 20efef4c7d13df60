"""Getting one small document from one URL, whatever is at the other end.

It goes the way that requests to upstreams go (``gateway.transport``): verified TLS, no
redirects, no proxies, no credentials from ``~/.netrc``, an answer that is read strictly.
"""

from __future__ import annotations

import requests

from gateway.transport import Http1Adapter, Origin, OutboundRequest, Timeouts, UpstreamSession

_LARGEST = 1024 * 1024


class Document:
    """What is at a URL.

    Threads: ``fetch`` from one at a time, ``close`` from any; it ends a fetch that
    is under way.
    """

    def __init__(self, url: str, *, timeout: float, ca: str | None = None) -> None:
        address, question, query = url.partition("?")
        self._origin = Origin.parse(address)
        # Not the origin's base path: a slash at its end matters here.
        path = "/" + address.partition("://")[2].partition("/")[2]
        self._target = path + question + query
        self._timeouts = Timeouts(timeout, timeout, timeout)
        self._verify: bool | str = ca or True
        self._adapter = Http1Adapter(pool_size=1, idle_timeout=1.0)
        self._session = UpstreamSession(self._adapter)

    def fetch(self) -> bytes:
        """The document. Raises ``OSError`` (``requests``' own are) or ``ValueError``."""
        fields = [("Host", self._origin.authority), ("Accept", "application/json")]
        request = OutboundRequest("GET", self._origin, self._target, fields, b"")
        with self._session.forward(request, self._timeouts, verify=self._verify) as answer:
            if answer.status_code != requests.codes.ok:
                raise ValueError(f"answered {answer.status_code} {answer.reason}; expected 200")
            return _read(answer)

    def close(self) -> None:
        """End a fetch that is under way, and refuse further ones."""
        self._adapter.abort()


def _read(answer: requests.Response) -> bytes:
    parts, size = [], 0
    for part in answer.raw.stream():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise ValueError(f"the document has more than {_LARGEST} bytes")
    return b"".join(parts)
