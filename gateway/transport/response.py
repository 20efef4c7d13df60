"""``requests.Response`` without the work that the hot path never looks at.

The stock one makes a cookie jar, a header mapping and a guess at the encoding
for every answer; here each is made when somebody asks. Everything else is
``requests``' own: ``content``, ``iter_content``, ``text``, ``json`` …

No cookie is ever taken from an answer: ``cookies`` is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict

from gateway.transport.answer import Answer
from gateway.transport.codec import Field

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

_NO_TIME = timedelta(0)


class UpstreamResponse(Response):
    """An upstream's answer as ``requests`` shows it. ``raw`` is the ``Answer``."""

    _content = False  # type: ignore[assignment]  # "not read", as in requests
    _content_consumed = False
    _next = None
    _headers: CaseInsensitiveDict[str] | None = None
    _cookies: RequestsCookieJar | None = None
    _encoding: str | None = None
    _encoding_known = False
    elapsed = _NO_TIME

    raw: Any

    def __init__(self, request: PreparedRequest, answer: Answer, adapter: BaseAdapter) -> None:
        # Response.__init__ is what this class exists to avoid.
        self.raw = answer
        self.request = request
        self.connection = adapter  # type: ignore[assignment]  # HTTPAdapter, say the stubs
        self.status_code = answer.status
        self.reason = answer.reason
        self.url = request.url or ""
        self.history = []

    def close(self) -> None:
        """End it: the connection of one that is not complete is thrown away."""
        self.raw.close()

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        """The fields as a mapping, repeats joined by a comma as ``requests`` does.

        ``raw.fields`` is what came.
        """
        if self._headers is None:
            joined = HTTPHeaderDict()
            for name, value in self.raw.fields:
                joined.add(name, value)
            self._headers = CaseInsensitiveDict(joined.itermerged())
        return self._headers

    @headers.setter
    def headers(self, value: CaseInsensitiveDict[str]) -> None:
        self._headers = value

    @property
    def cookies(self) -> RequestsCookieJar:
        if self._cookies is None:
            self._cookies = RequestsCookieJar()
        return self._cookies

    @cookies.setter
    def cookies(self, value: RequestsCookieJar) -> None:
        self._cookies = value

    @property
    def encoding(self) -> str | None:
        if not self._encoding_known:
            self.encoding = get_encoding_from_headers(self.headers)
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding, self._encoding_known = value, True


def received_fields_of(response: Response) -> Iterable[Field]:
    """The answer's fields as received: order, repeats, hop-by-hop ones too."""
    raw = response.raw
    # The stock urllib3 adapter has no such list, but its headers keep repeats.
    fields: Iterable[Field] = raw.fields if hasattr(raw, "fields") else raw.headers.iteritems()
    return fields
