"""The application's answer reaches the client exactly; what breaks off never looks whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import Server, serving, worker_classes
from tests.support.client import Answer, BrokenAnswer, Client
from tests.support.waiting import wait_for


@pytest.fixture(scope="module", params=worker_classes(), ids=lambda name: name.rpartition(".")[2])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Each worker class in turn: an answer is the same whichever is chosen."""
    with serving(tmp_path_factory.mktemp("answers"), worker=request.param) as running:
        yield running


def raw(server: Server, sent: bytes) -> bytes:
    """All bytes until the server closes."""
    with server.client() as client:
        client.send(sent)
        received = b""
        while part := client.socket.recv(65536):
            received += part
        return received


def asked(client: Client, fields: list[tuple[str, str]], query: str = "") -> Answer:
    """What /fields answers when told to answer these fields."""
    return client.request("POST", f"/fields?{query}", body=json.dumps(fields).encode())


def test_fields_pass_byte_for_byte(server: Server) -> None:
    """Order, repeats, spelling, Server, Date, Proxy-Authenticate, obs-text; nothing is added."""
    fields = [
        ("sErVeR", "theirs/1.0"),
        ("Set-Cookie", "a=1"),
        ("Content-Length", "4"),
        ("set-cookie", "b=2"),
        ("Date", "whenever"),
        ("Proxy-Authenticate", "Basic"),
        ("X-Text", "\xe9 \t x"),
        ("X-Empty", ""),
        ("Trailer", "X-Sum"),
    ]
    with server.client() as client:
        answer = asked(client, fields, "status=299 Fine%20By%20Me".replace(" ", "%20"))
        assert (answer.line, answer.fields) == ("HTTP/1.1 299 Fine By Me", fields)
        assert answer.body == b"xxxx"
        assert client.request("GET", "/counts").status == 200


def test_hop_by_hop_fields_are_dropped(server: Server) -> None:
    """And what Connection names, but never the length; its close is obeyed."""
    fields = [
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "x"),
        ("TE", "gzip"),
        ("Upgrade", "h2c"),
        ("Connection", "X-Mine, close, Content-Length"),
        ("X-Mine", "1"),
        ("X-Yours", "2"),
        ("Content-Length", "4"),
    ]
    with server.client() as client:
        answer = asked(client, fields)
        assert answer.fields == [("X-Yours", "2"), ("Content-Length", "4"), ("Connection", "close")]
        assert client.closed()


def test_an_answer_without_length_is_chunked(server: Server) -> None:
    """The only field added is the framing's, whatever framing the application claimed."""
    with server.client() as client:
        answer = asked(client, [("X-A", "b"), ("Transfer-Encoding", "gzip")])
        assert answer.fields == [("X-A", "b"), ("Transfer-Encoding", "chunked")]
        assert answer.body == b"xxxx"
        assert client.request("GET", "/parts?count=0").body == b""
        assert client.request("GET", "/write").body == b"written and returned"
        assert client.request("GET", "/parts?count=3&size=100000").body == b"".join(
            bytes([letter]) * 100_000 for letter in b"abc"
        )


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_gets_none(status: int, server: Server) -> None:
    """Neither bytes nor chunks, and the connection goes on."""
    with server.client() as client:
        answer = asked(client, [("X-A", "b")], f"status={status}%20No")
        assert (answer.fields, answer.body) == ([("X-A", "b")], b"")
        assert client.request("GET", "/counts").status == 200


def test_head_is_answered_with_the_length_of_get(server: Server) -> None:
    """And without a body, even when the application sends one."""
    with server.client() as client:
        answer = client.request("HEAD", "/parts?length=15")
        assert (answer.fields, answer.body) == ([("Content-Length", "15")], b"")
        assert client.request("HEAD", "/parts").fields == []
        assert client.request("GET", "/counts").status == 200


def test_more_bytes_than_the_length_are_cut(server: Server) -> None:
    """They would be taken for the next answer."""
    with server.client() as client:
        assert client.request("GET", "/parts?length=7").body == b"aaaaabb"
        assert client.request("GET", "/counts").line == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("", [("Connection", "close")]),
        ("Connection: keep-alive\r\n", [("Connection", "keep-alive")]),
    ],
    ids=["plain", "keep-alive"],
)
def test_http_1_0_is_told_whether_it_may_go_on(
    fields: str, told: list[tuple[str, str]], server: Server
) -> None:
    """By a field it would otherwise not get; the version of the answer is 1.1 (RFC 9110 2.5)."""
    with server.client() as client:
        client.send(f"GET /parts?length=15 HTTP/1.0\r\n{fields}\r\n".encode())
        answer = client.answer()
        assert answer.line == "HTTP/1.1 200 OK"
        assert answer.fields == [("Content-Length", "15"), *told]
        if told == [("Connection", "close")]:
            assert client.closed()
        else:
            client.send(b"GET /counts HTTP/1.0\r\n\r\n")
            assert client.answer().status == 200


def test_http_1_0_gets_no_chunks(server: Server) -> None:
    """Its answer ends with the connection."""
    received = raw(server, b"GET /parts HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert received == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\naaaaabbbbbccccc"


@pytest.mark.parametrize("option", ["close", "foo, Close", "close\r\nConnection: foo"])
def test_a_client_that_says_close_gets_a_close(option: str, server: Server) -> None:
    """Wherever in the list it says so."""
    with server.client() as client:
        answer = client.request("GET", "/parts?length=15", f"Connection: {option}")
        assert answer.values("Connection") == ["close"]
        assert client.closed()


def test_the_request_fields_are_kept_as_a_list(server: Server) -> None:
    """Order and repeats, which environ cannot hold."""
    with server.client() as client:
        answer = client.request("GET", "/echo?a=%2F", "X-request-ID: 1", "Cookie: a", "COOKIE: b")
        told = json.loads(answer.body)
    assert told["target"] == "/echo?a=%2F"
    assert told["fields"] == [
        ["Host", "gateway.test"],
        ["X-Request-Id", "1"],
        ["Cookie", "a"],
        ["Cookie", "b"],
    ]


def test_a_second_start_replaces_the_first(server: Server) -> None:
    """PEP 3333: exc_info before anything was sent."""
    with server.client() as client:
        answer = client.request("GET", "/replace")
        assert answer.line == "HTTP/1.1 404 Gone"
        assert answer.fields == [("X-Second", "2"), ("Content-Length", "2")]


@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", "1"), ("Content-Length", "2")],
        [("Content-Length", "+4")],
        [("Content-Length", "1_0")],
        [("X A", "b")],
        [("X-A", "b\r\nX-B: c")],
        [("X-A", "b\0")],
    ],
    ids=["two-lengths", "signed-length", "underscore", "bad-name", "injection", "nul"],
)
def test_fields_that_cannot_be_sent_are_the_applications_fault(
    fields: list[tuple[str, str]], server: Server
) -> None:
    """500, and none of it on the wire."""
    with server.client() as client:
        answer = asked(client, fields)
        assert (answer.status, answer.values("Content-Type")) == (500, ["application/problem+json"])
        assert client.closed()


@pytest.mark.parametrize(
    "path", [*(f"raise?what={kind}" for kind in ("key", "os", "exit", "cancelled")), "silent"]
)
def test_an_application_that_fails_before_its_answer_is_a_500(path: str, server: Server) -> None:
    """Also when its error is an OSError, which gunicorn takes for the client's."""
    with server.client() as client:
        answer = client.request("GET", f"/{path}")
        assert (answer.status, json.loads(answer.body)["title"]) == (500, "Internal Server Error")
        assert client.closed()


def test_a_refused_head_request_gets_no_body(server: Server) -> None:
    """RFC 9110 section 9.3.2 holds for errors, too."""
    received = raw(server, b"HEAD /raise?what=key HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 500 ")
    assert received.endswith(b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("end", ["error", "os", "exit"])
@pytest.mark.parametrize("length", ["", "&length=1000"], ids=["chunked", "counted"])
def test_an_answer_that_breaks_off_is_seen_to_be_broken(
    length: str, end: str, server: Server
) -> None:
    """The client gets what there was, and no end."""
    with server.client() as client:
        client.send(f"GET /parts?end={end}{length} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        with pytest.raises(BrokenAnswer):
            client.answer()


def test_a_broken_answer_without_framing_is_reset(server: Server) -> None:
    """To an HTTP/1.0 client a clean end would be the answer's end."""
    with pytest.raises(ConnectionResetError):
        raw(server, b"GET /parts?end=error HTTP/1.0\r\n\r\n")


def test_a_shorter_answer_than_announced_is_broken(server: Server) -> None:
    """The client must not wait for the rest, nor take the next answer for it."""
    with server.client() as client, pytest.raises(BrokenAnswer):
        client.request("GET", "/parts?length=16")
    with server.client() as client:
        assert client.request("GET", "/parts?length=16&count=0").status == 500


def test_every_answer_is_closed_once(server: Server) -> None:
    """Complete, broken, abandoned by the client, or never sent (HEAD)."""
    before = server.counts()["closed"].get("once", 0)
    with server.client() as client:
        client.request("GET", "/parts?name=once")
        client.request("HEAD", "/parts?name=once")
        with pytest.raises(BrokenAnswer):
            client.request("GET", "/parts?name=once&end=error")
    with server.client() as client:
        client.send(b"GET /parts?name=once&count=500&size=100000 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.socket.recv(1)
    wait_for(lambda: server.counts()["closed"].get("once", 0) == before + 4, "all to be closed")


def test_files_are_sent(server: Server, tmp_path: Path) -> None:
    """By sendfile with a length, in chunks without; a file that is too short is broken."""
    content = bytes(range(256)) * 20_000
    file, empty = tmp_path / "file", tmp_path / "empty"
    file.write_bytes(content)
    empty.touch()
    with server.client() as client:
        assert client.request("GET", f"/file?path={file}").body == content
        assert client.request("GET", f"/file?path={file}&length=none").body == content
        assert client.request("GET", f"/file?path={empty}&length=none").body == b""
        assert client.request("HEAD", f"/file?path={file}").values("Content-Length") == ["5120000"]
        assert client.request("GET", f"/file?path={file}&length=100").body == content[:100]
    with server.client() as client, pytest.raises(BrokenAnswer):
        client.request("GET", f"/file?path={file}&length=5120001")


def test_an_interim_status_is_never_the_last_word(server: Server) -> None:
    """A final 1xx would leave the client waiting: the connection ends with it."""
    with server.client() as client:
        client.send(
            b"POST /fields?status=103%20X HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n[]"
        )
        line, fields = client.head()
        assert (line, fields) == ("HTTP/1.1 103 X", [("Connection", "close")])
        assert client.closed()


def test_small_answers_are_one_packet(server: Server) -> None:
    """Head and first part in one write: one read of the client has both."""
    with server.client() as client:
        client.send(b"GET /parts?length=5&count=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.socket.recv(65536) == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\naaaaa"


@pytest.mark.parametrize("framing", ["counted", "chunked"])
def test_a_client_that_expects_continue_is_told_to(framing: str, server: Server) -> None:
    """And sends its body then (RFC 9110 section 10.1.1), whichever worker asks for it."""
    length = "Content-Length: 5" if framing == "counted" else "Transfer-Encoding: chunked"
    with server.client() as client:
        fields = f"POST /length HTTP/1.1\r\nHost: a\r\n{length}\r\nExpect: 100-continue\r\n\r\n"
        client.send(fields.encode())
        assert client.head() == ("HTTP/1.1 100 Continue", [])
        client.send(b"hello" if framing == "counted" else b"5\r\nhello\r\n0\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"5")
