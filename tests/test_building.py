"""The requests that are built for live and for shadows, seen through requests' own interface."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from gateway import Gateway, Live, Settings, Shadow
from gateway.settings.model import Request

# responses patches HTTPAdapter.send unless it is told whose.
ADAPTER = "gateway.transport.adapter.Http1Adapter.send"


@pytest.fixture
def upstreams() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(target=ADAPTER) as mock:
        mock.add("POST", "http://live.test/v1/a%2Fb", b"live", headers={"X-L": "1"})
        mock.add("POST", "http://shadow.test/a%2Fb", b"shadow", status=500)
        yield mock


def call(gateway: Gateway, **environ: Any) -> list[Any]:
    said: list[Any] = []
    sent = {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/a%2Fb?x",
        "SERVER_NAME": "g",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "client.test",
        "HTTP_X_REQUEST_ID": "rid",
        "CONTENT_LENGTH": "3",
        "wsgi.input": io.BytesIO(b"abc"),
        "wsgi.url_scheme": "https",
        **environ,
    }
    answer = gateway(sent, lambda *started: said.extend(started[:2]))  # type: ignore[arg-type]
    said.append(b"".join(answer))
    answer.close()  # type: ignore[attr-defined]
    return said


def test_both_requests_are_built_from_the_one_that_came(
    upstreams: responses.RequestsMock,
) -> None:
    """Method, target and body the same; each with its own headers."""
    gateway = Gateway(
        Settings(
            live=Live(url="http://live.test/v1", host="upstream"),
            shadows=(Shadow(url="http://shadow.test", name="s", host="billing.test"),),
            request=Request(forwarded="x-forwarded"),
        )
    )
    status, fields, body = call(gateway)
    gateway.close()
    assert (status, ("X-L", "1") in fields, body) == ("200 OK", True, b"live")
    live, shadow = (c.request for c in upstreams.calls)
    assert (live.method, live.url, live.body) == (
        "POST",
        "http://live.test/v1/a%2Fb?x",
        b"abc",
    )
    assert dict(live.headers) == {
        "Host": "live.test",
        "Content-Length": "3",
        "X-Request-Id": "rid",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "client.test",
    }
    assert (shadow.method, shadow.url, shadow.body) == (
        "POST",
        "http://shadow.test/a%2Fb?x",
        b"abc",
    )
    assert dict(shadow.headers) == {
        "Host": "billing.test",
        "Content-Length": "3",
        "X-Request-Id": "rid",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "client.test",
        "X-Shadow-Request": "rid",
    }
