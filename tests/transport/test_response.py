from __future__ import annotations

import pickle

import requests

from gateway.transport import Timeouts, UpstreamSession
from tests.transport.scripted import outbound, saying, scripted

BOTH = True  # transports; see conftest.py

ANSWER = (
    b"HTTP/1.1 201 Made\r\nContent-Type: application/json; charset=latin-1\r\n"
    b'X: 1\r\nx: 2\r\nContent-Length: 14\r\n\r\n{"name": "\xe9\xe8"}'
)


def answered(session: UpstreamSession, answer: bytes = ANSWER) -> requests.Response:
    with scripted(saying(answer)) as upstream:
        response = session.forward(outbound(upstream, "POST", "/made"), Timeouts(5, 5))
        response.content  # noqa: B018
    return response


def test_it_is_a_response_of_requests(session: UpstreamSession) -> None:
    """Everything that reads a Response finds what it expects."""
    response = answered(session)
    assert isinstance(response, requests.Response)
    assert (response.status_code, response.reason, response.ok) == (201, "Made", True)
    assert response.url.endswith("/made")
    assert response.request.method == "POST"
    assert (response.history, response.next, list(response.cookies)) == ([], None, [])
    assert (response.is_redirect, response.links) == (False, {})
    assert repr(response) == "<Response [201]>"
    response.raise_for_status()


def test_headers_are_one_mapping_without_case(session: UpstreamSession) -> None:
    """Repeats are joined there, as requests joins them; the fields keep them."""
    response = answered(session)
    assert (response.headers["x"], response.headers["CONTENT-LENGTH"]) == ("1, 2", "14")
    assert response.headers is response.headers
    assert [value for name, value in response.raw.fields if name.lower() == "x"] == ["1", "2"]


def test_text_and_json_use_the_declared_encoding(session: UpstreamSession) -> None:
    """And another one, if the reader says so."""
    response = answered(session)
    assert response.encoding == "latin-1"
    assert response.json() == {"name": "éè"}
    assert response.text == '{"name": "éè"}'
    response.encoding = "cp1251"
    assert response.text == '{"name": "йи"}'


def test_iter_content_slices_what_came(session: UpstreamSession) -> None:
    """Before and after the content was read."""
    with scripted(saying(ANSWER)) as upstream:
        response = session.forward(outbound(upstream), Timeouts(5, 5))
        assert b"".join(response.iter_content(4)) == ANSWER[-14:]
    again = answered(session)
    assert list(again.iter_content(10)) == [ANSWER[-14:-4], ANSWER[-4:]]


def test_a_response_can_be_pickled(session: UpstreamSession) -> None:
    """Caches of responses do that; the connection stays behind."""
    response = answered(session)
    response.request = None  # type: ignore[assignment]
    copy = pickle.loads(pickle.dumps(response))
    assert (copy.status_code, copy.content, copy.headers) == (
        201,
        response.content,
        response.headers,
    )
    assert copy.encoding == "latin-1"
