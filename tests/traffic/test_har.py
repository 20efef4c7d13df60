"""HAR out and in: what is written is read, and what others write is understood."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from gateway.compare.answer import Answer
from gateway.traffic.har import HarFile, document, entry
from gateway.traffic.har_reading import NotHar, from_har, read_har
from gateway.traffic.recorded import Recorded
from tests.traffic.exchanges import AT, answer, copy, exchanges, recorded


def read(*entries: dict[str, Any], problems: list[str] | None = None) -> list[Recorded]:
    """What comes of a HAR with these entries; unless asked for, there must be no problem."""
    told: list[str] = [] if problems is None else problems
    found = from_har(json.dumps({"log": {"entries": entries}}).encode(), told.append)
    assert problems is not None or not told, told
    return found


def browsers(request: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An entry as browsers write them."""
    plain = {
        "method": "GET",
        "url": "https://shop.example.com/cart?a=1",
        "httpVersion": "http/2.0",
        "headers": [{"name": "accept", "value": "*/*"}],
        "queryString": [{"name": "a", "value": "1"}],
        "cookies": [],
        "headersSize": -1,
        "bodySize": 0,
    }
    return {
        "startedDateTime": "2026-01-02T03:04:05.000Z",
        "time": 12.5,
        "request": {**plain, **(request or {})},
        "response": {
            "status": 200,
            "statusText": "",
            "headers": [{"name": "content-type", "value": "text/plain"}],
            "content": {"size": 2, "mimeType": "text/plain", "text": "ok"},
        },
        "cache": {},
        "timings": {"send": 0.1, "wait": 12, "receive": 0.4},
        **more,
    }


@given(exchanges())
def test_what_is_written_is_read(exchange: Recorded) -> None:
    """Any bytes in bodies and in fields' values, through HAR's texts."""
    (found,) = from_har(document([entry(exchange)]), pytest.fail)
    assert found.at == pytest.approx(exchange.at, abs=1e-5)
    live = exchange.live
    if live is not None and found.live is not None:
        assert found.live.seconds == pytest.approx(live.seconds)
        live = live._replace(seconds=found.live.seconds)
    assert found._replace(at=exchange.at) == exchange._replace(live=live)


@given(exchanges())
def test_what_is_written_is_a_har(exchange: Recorded) -> None:
    """The members that HAR 1.2 demands, in an entry of any exchange."""
    log = json.loads(document([entry(exchange, "live")]))["log"]
    assert log["version"] == "1.2"
    assert log["creator"].keys() == {"name", "version"}
    (made,) = log["entries"]
    assert made.keys() >= {"startedDateTime", "time", "request", "response", "cache", "timings"}
    sent, got = made["request"], made["response"]
    common = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
    assert sent.keys() >= {"method", "url", "queryString"} | common
    assert got.keys() >= {"status", "statusText", "content", "redirectURL"} | common
    assert sent["url"].startswith(("http://billing.example.com", "https://billing.example.com"))
    assert sent["url"].isascii()
    assert {"size", "mimeType"} <= got["content"].keys()
    assert made["time"] == sum(made["timings"].values())
    if exchange.request.body:
        assert made["request"]["postData"].keys() >= {"mimeType", "text"}


def test_an_encoded_answer_is_shown_decoded() -> None:
    """That is what HAR's content is, and viewers show; what came is kept beside it."""
    body = gzip.compress(b'{"total": 1}' * 20)
    fields = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    exchange = recorded(live=answer(body, *fields))
    made = entry(exchange)
    content = made["response"]["content"]
    assert content["text"] == '{"total": 1}' * 20
    assert content["size"] - content["compression"] == len(body) == made["response"]["bodySize"]
    assert read(made) == [exchange]


def test_cookies_and_parameters_are_taken_apart() -> None:
    """For those who look at the HAR; nothing is read back from them."""
    request = copy("GET", "/a?x=1&x=%20&y", ("Cookie", "sid=ab=c; theme=dark"))
    set_cookie = "sid=1; Path=/; HttpOnly; Secure; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
    made = entry(recorded(request, answer(b"", ("Set-Cookie", set_cookie))))
    assert made["request"]["queryString"] == [
        {"name": "x", "value": "1"},
        {"name": "x", "value": " "},
        {"name": "y", "value": ""},
    ]
    assert made["request"]["cookies"][0] == {"name": "sid", "value": "ab=c"}
    (cookie,) = made["response"]["cookies"]
    assert cookie == {
        "name": "sid",
        "value": "1",
        "path": "/",
        "httpOnly": True,
        "secure": True,
        "expires": "2026-10-21T07:28:00+00:00",
    }


@pytest.mark.parametrize(
    "value", ["", ";", "=", "a=b; expires=never", "a=b; expires=", "a; path; ;;=", "\xff=\x00"]
)
def test_any_cookie_of_an_upstream_is_written(value: str) -> None:
    """They are not ours to mend, nor to fail at."""
    document([entry(recorded(live=answer(b"", ("Set-Cookie", value))))])


class TestOthersFiles:
    """What browsers and proxies write."""

    def test_an_entry_of_a_browser(self) -> None:
        """HTTP/2's pseudo-fields become what they mean in HTTP/1.1."""
        headers = [
            {"name": ":method", "value": "GET"},
            {"name": ":authority", "value": "shop.example.com"},
            {"name": ":path", "value": "/cart?a=1"},
            {"name": ":scheme", "value": "https"},
            {"name": "accept", "value": "*/*"},
            {"name": "connection", "value": "keep-alive, x-hop"},
            {"name": "x-hop", "value": "1"},
            {"name": "te", "value": "trailers"},
        ]
        (found,) = read(browsers({"headers": headers}))
        assert found.request.target == "/cart?a=1"
        assert found.request.fields == (("Host", "shop.example.com"), ("accept", "*/*"))
        assert (found.request.body, found.request.had_body) == (b"", False)
        assert found.at == AT
        fields = (("content-type", "text/plain"),)
        assert found.live == Answer(200, fields, b"ok", 2, 0.0125, None)

    @pytest.mark.parametrize(
        ("url", "target"),
        [
            ("https://h.example", "/"),
            ("https://h.example?a=b", "/?a=b"),
            ("https://h.example:8443/a/../b//c#part", "/a/../b//c"),
            ("HTTPS://user:pw@h.example/a", "/a"),
            ("https://h.example/caf\u00e9 x", "/caf%C3%A9%20x"),
            ("https://h.example/a?b|c=%7c{}", "/a?b|c=%7c{}"),
            ("https://h.example/%ZZ%", "/%ZZ%"),
        ],
        ids=["none", "query-only", "dots", "userinfo", "text", "odd", "bad-escape"],
    )
    def test_targets_are_what_the_server_was_asked_for(self, url: str, target: str) -> None:
        """No fragment, nothing that a request line cannot have, nothing normalised."""
        (found,) = read(browsers({"url": url}))
        assert found.request.target == target

    @pytest.mark.parametrize(
        ("posted", "body"),
        [
            ({"mimeType": "application/json", "text": '{"a":1}'}, b'{"a":1}'),
            ({"mimeType": "text/plain", "text": "é"}, b"\xc3\xa9"),
            ({"mimeType": "text/plain; charset=ISO-8859-1", "text": "é"}, b"\xe9"),
            ({"mimeType": "text/plain; charset=no-such", "text": "é"}, b"\xc3\xa9"),
            ({"mimeType": "text/plain; charset=rot13", "text": "a"}, b"a"),
            ({"mimeType": "image/png", "text": "AP8=", "encoding": "base64"}, b"\x00\xff"),
            ({"mimeType": "image/png", "text": "AP8=", "_encoding": "base64"}, b"\x00\xff"),
            (
                {
                    "mimeType": "application/x-www-form-urlencoded",
                    "params": [{"name": "a", "value": "1 2"}, {"name": "b"}],
                },
                b"a=1+2&b=",
            ),
        ],
        ids=["json", "utf-8", "latin-1", "unknown", "no-charset", "base64", "our-base64", "form"],
    )
    def test_bodies(self, posted: dict[str, Any], body: bytes) -> None:
        """In each form in which they come."""
        (found,) = read(browsers({"method": "POST", "postData": posted, "bodySize": len(body)}))
        assert (found.request.body, found.request.had_body) == (body, True)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"url": "data:text/plain,a"}, "no request to an HTTP server"),
            ({"url": "wss://h.example/"}, "no request to an HTTP server"),
            ({"url": "chrome-extension://abc/"}, "no request to an HTTP server"),
            ({"url": "https:///path"}, "no request to an HTTP server"),
            ({"method": "CONNECT"}, "no request to an HTTP server"),
            ({"method": "G T"}, "its method"),
            ({"method": "POST", "bodySize": 10}, "lacks its body"),
            (
                {"method": "POST", "headers": [{"name": "Content-Length", "value": "10"}]},
                "lacks its body",
            ),
            (
                {
                    "method": "POST",
                    "bodySize": 10,
                    "postData": {
                        "mimeType": "multipart/form-data; boundary=x",
                        "params": [{"name": "file", "fileName": "a.png"}],
                    },
                },
                "lacks its body",
            ),
            (
                {"postData": {"mimeType": "image/png", "text": "%%%", "encoding": "base64"}},
                "left out",
            ),
            ({"headers": [{"name": "a b", "value": "c"}]}, "no name of a header field"),
            ({"headers": [{"name": "a", "value": "b\0"}]}, "control character"),
            ({"method": 7}, "left out"),
        ],
        ids=[
            "data",
            "websocket",
            "extension",
            "no-host",
            "connect",
            "method",
            "body-size",
            "content-length",
            "multipart",
            "base64",
            "field-name",
            "nul",
            "type",
        ],
    )
    def test_what_nothing_can_be_made_of_is_left_out(
        self, change: dict[str, Any], reason: str
    ) -> None:
        """With its reason; the others are read."""
        problems: list[str] = []
        found = read(browsers(change), browsers(), problems=problems)
        assert len(found) == 1
        assert "entry 1" in problems[0]
        assert reason in problems[0]

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ({"_fromCache": "disk"}, "cache"),
            ({"_webSocketMessages": [{}]}, "WebSocket"),
            ({"response": {"status": 101}}, "WebSocket"),
            ({"startedDateTime": "yesterday"}, "left out"),
        ],
        ids=["cache", "websocket", "upgraded", "time"],
    )
    def test_what_was_no_exchange_is_left_out(self, more: dict[str, Any], reason: str) -> None:
        """Nobody was asked, or not in HTTP."""
        problems: list[str] = []
        assert read(browsers(**more), problems=problems) == []
        assert reason in problems[0]

    @pytest.mark.parametrize(
        "response",
        [None, {"status": 0, "headers": [], "content": {}}, {"status": -1}],
        ids=["missing", "blocked", "negative"],
    )
    def test_a_request_without_an_answer_can_be_sent_all_the_same(self, response: Any) -> None:
        """There is nothing to compare with, and that is said by None."""
        (found,) = read(browsers(response=response))
        assert found.live is None

    def test_an_answer_whose_body_is_missing_is_not_an_empty_one(self) -> None:
        """Browsers forget bodies of pages that were left."""
        response = {"status": 200, "content": {"size": 900, "mimeType": "text/html"}}
        (found,) = read(browsers(response=response))
        assert found.live is not None
        assert (found.live.body, found.live.size) == (None, 900)

    def test_a_decoded_body_is_not_said_to_be_encoded(self) -> None:
        """The field was true of what came, and HAR has what it means."""
        response = {
            "status": 200,
            "headers": [
                {"name": "content-encoding", "value": "br"},
                {"name": "content-length", "value": "3"},
            ],
            "content": {"size": 5, "mimeType": "text/plain", "text": "hello"},
        }
        (found,) = read(browsers(response=response))
        assert found.live is not None
        assert (found.live.fields, found.live.body) == ((), b"hello")

    def test_repeats_joined_by_line_ends_are_repeats(self) -> None:
        """As Chrome writes several Set-Cookie fields."""
        headers = [{"name": "set-cookie", "value": "a=1\nb=2"}]
        (found,) = read(browsers(response={"status": 200, "headers": headers}))
        assert found.live is not None
        assert found.live.fields == (("set-cookie", "a=1"), ("set-cookie", "b=2"))

    def test_cookies_that_are_in_no_field_are_sent(self) -> None:
        """Some writers have them in their own place only."""
        cookies = [{"name": "sid", "value": "1"}, {"name": "t", "value": "é"}]
        (found,) = read(browsers({"cookies": cookies}))
        assert found.request.field("cookie") == "sid=1; t=é"
        (found,) = read(
            browsers({"cookies": cookies, "headers": [{"name": "Cookie", "value": "x=1"}]})
        )
        assert found.request.field("cookie") == "x=1"

    @pytest.mark.parametrize(
        "text",
        [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.0Z",
            "2026-01-02T03:04:05.000+00:00",
            "2026-01-02T04:04:05.0000000+01:00",
            "2026-01-02T03:04:05",
        ],
    )
    def test_times(self, text: str) -> None:
        """In each form that ISO 8601 lets programs write."""
        (found,) = read(browsers(startedDateTime=text))
        assert found.at == AT

    def test_entries_come_in_the_order_of_their_times(self) -> None:
        """Browsers write them as they end."""
        late = browsers(startedDateTime="2026-01-02T03:05:00Z")
        assert [each.at for each in read(late, browsers())] == [AT, AT + 55]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"no",
            b"[]",
            b"{}",
            b'{"log": 1}',
            b'{"log": {"entries": {}}}',
            b"[" * 10**5,
            b"\xff",
        ],
        ids=["empty", "text", "list", "no-log", "number", "no-list", "deep", "bytes"],
    )
    def test_anything_else_is_refused(self, data: bytes) -> None:
        """By name, whatever is wrong."""
        with pytest.raises(NotHar):
            from_har(data, pytest.fail)

    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_files(self, pack: Any, tmp_path: Path) -> None:
        """With the byte order mark of some proxies, and compressed by whoever sent it."""
        path = tmp_path / "a.har"
        text = b"\xef\xbb\xbf" + json.dumps({"log": {"entries": [browsers()]}}).encode()
        path.write_bytes(pack(text))
        assert len(read_har(path, pytest.fail)) == 1


def test_a_file_is_written_entry_by_entry(tmp_path: Path) -> None:
    """Nobody has to hold all of it, and only its owner can read it."""
    path = tmp_path / "a.har"
    some = [recorded(copy(target=f"/{number}"), at=AT + number) for number in range(3)]
    with HarFile(path) as file:
        for each in some:
            file.add(entry(each))
    assert read_har(path, pytest.fail) == some
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_a_har_too(tmp_path: Path) -> None:
    """Nothing was sent, and programs can read that."""
    path = tmp_path / "a.har"
    with HarFile(path):
        pass
    assert read_har(path, pytest.fail) == []


def test_binary_bodies_are_base64() -> None:
    """As HAR has it for answers; for requests it has no member of its own."""
    made = entry(recorded(copy("POST", body=b"\x00\xff"), answer(b"\x00\xff")))
    assert made["request"]["postData"]["_encoding"] == "base64"
    assert made["response"]["content"]["encoding"] == "base64"
    assert base64.b64decode(made["response"]["content"]["text"]) == b"\x00\xff"


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "shift_jis", "nonsense", "utf-8"])
def test_text_of_any_charset_comes_back_as_the_same_bytes(charset: str) -> None:
    """A reader encodes it by what the content type says, which need not be true."""
    kind = ("Content-Type", f"text/plain; charset={charset}")
    body = "café".encode()
    exchange = recorded(copy("POST", "/", kind, body=body), answer(body, kind))
    assert read(entry(exchange)) == [exchange]
