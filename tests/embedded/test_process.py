"""An application with a mirror around it: it, its server and its client notice nothing."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from gateway import Live, MirrorMiddleware, Settings, Shadow
from gateway.embedded.process import EmbeddedMirror
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.settings.comparison import Compare
from gateway.settings.model import Route
from gateway.shadow.outcome import Outcome
from tests.support.upstream import Received, Upstream, upstream
from tests.support.waiting import wait_for
from tests.support.wsgi import ask

# Settings name a live upstream; an embedded mirror has another.
NOT_LIVE = Live(url="http://127.0.0.1:1")


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


class House:
    """A mirrored application."""

    def __init__(self, application: Any, shadow: Upstream | str, **changes: Any) -> None:
        url = shadow if isinstance(shadow, str) else shadow.url
        settings = changes.pop("settings", None)
        self.metrics = Taken()
        self.mirror = MirrorMiddleware(
            application,
            Shadow(url=url, name="s", breaker_failures=0, **changes),
            settings=settings,
            metrics=self.metrics,
        )

    def __enter__(self) -> House:
        return self

    def __exit__(self, *exc: object) -> None:
        self.mirror.close()

    @property
    def process(self) -> EmbeddedMirror:
        mirror = self.mirror._mirror
        assert isinstance(mirror, EmbeddedMirror)
        return mirror

    def ledger(self) -> dict[Outcome, int]:
        return self.process.side.ledger.snapshot()["s"]

    def copy(self, shadow: Upstream) -> Received:
        return wait_for(shadow.taken, "the copy")[0]


class Taken(Metrics):
    """Which copies were taken, and what had become of the request; and all requests.

    ``requests``: method, status and route of those that ended.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.started = 0
        self.requests: list[tuple[str, int | None, str | None]] = []

    def shadow_taken(self, shadow: str, live: str) -> None:
        self.seen.append((shadow, live))

    def request_started(self) -> None:
        self.started += 1

    def request_ended(self, method: str, exchange: Exchange, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.requests.append((method, exchange.status, exchange.route))


def echo(environ: Any, start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_both_sides_keep_to_pep_3333(method: str, shadow: Upstream) -> None:
    """wsgiref's validator stands outside, as any server, and inside, as any application."""
    body = b"" if method in ("GET", "HEAD") else b"abc"
    with House(validator(echo), shadow) as house:
        status, _, received = ask(validator(house.mirror), body, REQUEST_METHOD=method)
        assert (status, received) == ("200 OK", body)
        assert house.copy(shadow).body == body


def test_the_environ_is_the_same_object_with_another_input(shadow: Upstream) -> None:
    """What the application puts there reaches who wraps it, and nothing of ours is there."""
    seen: dict[str, Any] = {}

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        environ["app.said"] = "hello"
        return echo(environ, start_response)

    sent = {"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": "3", "REQUEST_METHOD": "POST"}

    def around(environ: Any, start_response: Any) -> Any:
        before = dict(environ)
        answer = house.mirror(environ, start_response)
        assert {k: v for k, v in seen.items() if k != "wsgi.input"} == {
            k: v for k, v in before.items() if k != "wsgi.input"
        }
        assert environ["app.said"] == "hello"
        return answer

    with House(application, shadow) as house:
        assert ask(around, **sent)[2] == b"abc"


def start(told: list[Any]) -> Callable[..., Any]:
    """A server's ``start_response`` that notes what it is told, and what is written."""

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info is not None and "written" in told:
            raise exc_info[1].with_traceback(exc_info[2])
        told.append((status, exc_info is not None))

        def write(data: bytes) -> None:
            told.append("written")
            told.append(data)

        return write

    return start_response


def environ(**changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "host.test",
        "HTTP_X_REQUEST_ID": "asked",  # one that is never held out
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **changes,
    }


def test_a_second_start_with_exc_info_replaces_the_first(shadow: Upstream) -> None:
    """Nothing had gone out yet."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        try:
            raise ValueError("x")
        except ValueError:
            start_response("500 No", [], sys.exc_info())
        return [b"no"]

    told: list[Any] = []
    with House(application, shadow) as house:
        answer: Any = house.mirror(environ(), start(told))
        assert list(answer) == [b"no"]
        answer.close()
        assert told == [("200 OK", False), ("500 No", True)]
        assert house.metrics.seen == [("s", "refused")]


def test_a_second_start_after_a_write_raises_the_applications_error(shadow: Upstream) -> None:
    """The server's raising passes through the application and us; the copy is offered."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"part")
        try:
            raise ValueError("late")
        except ValueError:
            start_response("500 No", [], sys.exc_info())
        return []

    told: list[Any] = []
    with House(application, shadow) as house:
        with pytest.raises(ValueError, match="late"):
            house.mirror(environ(), start(told))
        assert told == [("200 OK", False), "written", b"part"]
        assert house.metrics.seen == [("s", "failed")]
        house.copy(shadow)


def test_written_parts_go_out_at_once_and_before_the_rest(shadow: Upstream) -> None:
    """``write()`` is the server's."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"1")
        write(b"2")
        return [b"3"]

    told: list[Any] = []
    with House(application, shadow) as house:
        answer: Any = house.mirror(environ(), start(told))
        assert told == [("200 OK", False), "written", b"1", "written", b"2"]
        assert list(answer) == [b"3"]
        answer.close()


class Stream:
    """An answer that counts how it is closed, and may raise in any place."""

    def __init__(self, *parts: bytes, fail_at: int | None = None, fail_close: bool = False) -> None:
        self._parts, self._fail_at, self._fail_close = iter(enumerate(parts)), fail_at, fail_close
        self.pulled = self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        number, part = next(self._parts)
        if number == self._fail_at:
            raise ValueError("midway")
        self.pulled += 1
        return part

    def close(self) -> None:
        self.closed += 1
        if self._fail_close:
            raise ValueError("closing")


def streaming(stream: Any) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return stream

    return application


def test_a_stream_is_pulled_part_by_part_and_closed_once(shadow: Upstream) -> None:
    """Also by a server that closes twice."""
    stream = Stream(b"1", b"2", b"3")
    with House(streaming(stream), shadow) as house:
        answer: Any = house.mirror(environ(), start([]))
        assert not hasattr(answer, "__len__")
        parts = iter(answer)
        for number in (1, 2, 3):
            assert (next(parts), stream.pulled) == (b"%d" % number, number)
        assert list(parts) == []
        answer.close()
        answer.close()
        assert (stream.closed, house.metrics.seen) == (1, [("s", "answered")])


@pytest.mark.parametrize(
    ("stream", "pulls", "raised", "live"),
    [
        pytest.param(Stream(b"1", b"2", b"3"), 1, None, "abandoned", id="the client left"),
        pytest.param(Stream(b"1", b"2", fail_at=1), 9, "midway", "failed", id="raises midway"),
        pytest.param(Stream(b"1", fail_close=True), 9, "closing", "answered", id="raises at close"),
        pytest.param(Stream(b"1"), 0, None, "abandoned", id="nothing was asked for"),
    ],
)
def test_however_it_ends_it_is_closed_once_and_offered(
    stream: Stream, pulls: int, raised: str | None, live: str, shadow: Upstream
) -> None:
    """Errors of the application pass."""

    def whole(answer: Any) -> None:
        try:
            for _, _ in zip(range(pulls), answer, strict=False):
                pass
        finally:
            answer.close()

    with House(streaming(stream), shadow) as house:
        answer = house.mirror(environ(), start([]))
        if raised is None:
            whole(answer)
        else:
            with pytest.raises(ValueError, match=raised):
                whole(answer)
        assert (stream.closed, house.metrics.seen) == (1, [("s", live)])
        house.copy(shadow)


def test_a_generator_starts_when_the_server_asks(shadow: Upstream) -> None:
    """It may call ``start_response`` only then."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b"1"

    told: list[Any] = []
    with House(application, shadow) as house:
        answer: Any = house.mirror(environ(), start(told))
        assert told == []
        assert list(answer) == [b"1"]
        assert told == [("201 Created", False)]
        answer.close()


def test_an_answer_of_known_length_keeps_it(shadow: Upstream) -> None:
    """A server gives a Content-Length to one of one part."""
    with House(streaming([b"all of it"]), shadow) as house:
        answer: Any = house.mirror(environ(), start([]))
        assert (len(answer), list(answer)) == (1, [b"all of it"])
        answer.close()


def filed(file: io.BytesIO, length: int | None = None) -> Any:
    fields = [] if length is None else [("Content-Length", str(length))]

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", fields)
        return environ["wsgi.file_wrapper"](file)

    return application


def test_a_file_is_left_to_the_server_where_nobody_compares(shadow: Upstream) -> None:
    """It finds its own wrapper, untouched, and closes it."""
    file = io.BytesIO(b"content")
    base = Settings(live=NOT_LIVE, compare=Compare(enabled=False))
    with House(filed(file), shadow, settings=base) as house:
        answer: Any = house.mirror(environ(**{"wsgi.file_wrapper": FileWrapper}), start([]))
        assert type(answer) is FileWrapper
        assert answer.filelike is file
        answer.close()
        assert file.closed
        assert house.metrics.seen == [("s", "answered")]


@pytest.mark.parametrize(
    ("length", "left"),
    [(None, False), (7, False), (5 * 1024 * 1024, True)],
    ids=["unknown length", "short", "long"],
)
def test_a_file_is_read_here_if_it_can_be_compared(
    length: int | None, left: bool, shadow: Upstream
) -> None:
    """A comparison needs to see it, and makes nothing of one too long."""
    file = io.BytesIO(b"content")
    with House(filed(file, length), shadow) as house:
        answer: Any = house.mirror(environ(**{"wsgi.file_wrapper": FileWrapper}), start([]))
        assert (type(answer) is FileWrapper) is left
        assert b"".join(answer) == b"content"
        answer.close()
        assert file.closed


def test_an_upload_over_the_limit_passes_by_unmirrored(shadow: Upstream) -> None:
    """The application reads the server's own stream."""
    stream = io.BytesIO(b"x" * 100)
    seen = []

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ["wsgi.input"])
        return echo(environ, start_response)

    sent = environ(CONTENT_LENGTH="100", REQUEST_METHOD="PUT", **{"wsgi.input": stream})
    with House(application, shadow, max_body=99) as house:
        assert list(house.mirror(sent, start([]))) == [b"x" * 100]
        assert seen == [stream]
        assert house.ledger() == {Outcome.SKIPPED_TOO_LARGE: 1}


class Untouchable(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize(
    ("changes", "sent", "outcome"),
    [
        pytest.param({"percent": 0}, {}, Outcome.SKIPPED_SAMPLED_OUT, id="0 percent"),
        pytest.param(
            {"percent": 0},
            {"HTTP_A": 5, "REQUEST_METHOD": "TRACE"},
            Outcome.SKIPPED_SAMPLED_OUT,
            id="0 percent, and nothing is looked at",
        ),
        pytest.param({"percent": 1e-9}, {}, Outcome.SKIPPED_SAMPLED_OUT, id="not in the sample"),
        pytest.param({"routes": ("/a",)}, {}, Outcome.SKIPPED_ROUTE, id="another route"),
        pytest.param({"methods": ("PUT",)}, {}, Outcome.SKIPPED_METHOD, id="another method"),
        pytest.param({}, {"REQUEST_METHOD": "TRACE"}, Outcome.SKIPPED_REFUSED, id="TRACE"),
        pytest.param({}, {"RAW_URI": "/a b"}, Outcome.SKIPPED_REFUSED, id="no target"),
        pytest.param({}, {"HTTP_A": "\x00"}, Outcome.SKIPPED_REFUSED, id="no field"),
        pytest.param({}, {"HTTP_A": 5}, Outcome.FAILED_INTERNAL, id="nonsense in environ"),
    ],
)
def test_of_what_is_not_mirrored_the_body_is_not_even_read(
    changes: dict[str, Any], sent: dict[str, Any], outcome: Outcome, shadow: Upstream
) -> None:
    """And the application is called all the same; the ledger has every request once."""
    stream = Untouchable(b"abc")

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        assert environ["wsgi.input"] is stream
        start_response("200 OK", [])
        return [b"ok"]

    request = environ(
        REQUEST_METHOD="POST", CONTENT_LENGTH="3", **{"wsgi.input": stream, "HTTP_HOST": "h"}
    )
    with House(application, shadow, **changes) as house:
        assert list(house.mirror({**request, **sent}, start([]))) == [b"ok"]
        assert house.ledger() == {outcome: 1}
        assert house.metrics.started == 1
    assert shadow.taken() == []


def test_the_copy_is_what_the_client_sent(shadow: Upstream) -> None:
    """Target, fields and body; marked, and told to be a copy."""
    sent = environ(
        REQUEST_METHOD="POST",
        RAW_URI="/a%2Fb/?q=%20",
        HTTP_HOST="client.test",
        HTTP_AUTHORIZATION="Basic x",
        HTTP_X_REQUEST_ID="id-1",
        CONTENT_TYPE="text/plain",
        CONTENT_LENGTH="3",
    )
    sent["wsgi.input"] = io.BytesIO(b"abc")
    with House(echo, shadow) as house:
        answer: Any = house.mirror(sent, start([]))
        list(answer)
        answer.close()
        copy = house.copy(shadow)
    assert (copy.line, copy.body) == (b"POST /a%2Fb/?q=%20 HTTP/1.1", b"abc")
    assert copy.values("host") == ["client.test"]
    assert copy.values("authorization") == ["Basic x"]
    assert copy.values("x-shadow-request") == ["id-1"]


def test_a_route_can_be_left_out(shadow: Upstream) -> None:
    """By the same settings as a gateway's."""
    base = Settings(live=NOT_LIVE, routes=(Route(path="/health", mirror=False),))
    with House(echo, shadow, settings=base) as house:
        for path in ("/health", "/a"):
            ask(house.mirror, PATH_INFO=path)
        house.copy(shadow)
        wait_for(lambda: sum(house.ledger().values()) == 2, "both in the ledger")
        assert house.ledger() == {Outcome.SKIPPED_ROUTE: 1, Outcome.ANSWERED: 1}


UNMIRRORED = pytest.mark.parametrize(
    "changes", [{"percent": 0}, {"methods": ("PUT",)}, {}], ids=["resting", "skipped", "mirrored"]
)


@UNMIRRORED
def test_who_counts_sees_every_request_once(changes: dict[str, Any], shadow: Upstream) -> None:
    """With its route and status, mirrored or not, also where the application fails."""
    base = Settings(live=NOT_LIVE, routes=(Route(path="/a", name="first"),))

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/raises":
            raise ValueError("before the answer")
        start_response("404 Not Found", [])(b"written")
        return Stream(b"1", fail_at=0 if environ["PATH_INFO"] == "/breaks" else None)

    with House(application, shadow, settings=base, **changes) as house:
        ask(house.mirror, PATH_INFO="/a/7")
        ask(house.mirror, PATH_INFO="/b", REQUEST_METHOD="POST")
        for path in ("/raises", "/breaks"):
            with pytest.raises(ValueError, match=r"answer|midway"):
                ask(house.mirror, PATH_INFO=path)
        assert house.metrics.started == 4
        assert house.metrics.requests == [
            ("GET", 404, "first"),
            ("POST", 404, "default"),
            ("GET", None, "default"),
            ("GET", 404, "default"),
        ]


@UNMIRRORED
def test_counting_changes_nothing_of_the_answer(changes: dict[str, Any], shadow: Upstream) -> None:
    """Its length, its laziness and its one close."""
    with House(streaming([b"all of it"]), shadow, **changes) as house:
        answer: Any = house.mirror(environ(), start([]))
        assert (len(answer), list(answer)) == (1, [b"all of it"])
        answer.close()
    stream = Stream(b"1", b"2")
    with House(streaming(stream), shadow, **changes) as house:
        answer = house.mirror(environ(), start([]))
        assert next(iter(answer)) == b"1"
        assert (stream.pulled, house.metrics.requests) == (1, [])
        answer.close()
        answer.close()
        assert (stream.closed, len(house.metrics.requests)) == (1, 1)


class FixedWrapper:
    """One that takes no attributes, as mod_wsgi's."""

    __slots__ = ("filelike",)

    def __init__(self, filelike: io.BytesIO, size: int = 8192) -> None:
        self.filelike = filelike

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.filelike)

    def close(self) -> None:
        self.filelike.close()


@pytest.mark.parametrize("wrapper", [FileWrapper, FixedWrapper])
def test_a_file_that_is_not_mirrored_is_always_left_to_the_server(
    wrapper: Any, shadow: Upstream
) -> None:
    """And counted when the server closes it; at once, where that cannot be seen."""
    with House(filed(io.BytesIO(b"content")), shadow, percent=0) as house:
        answer: Any = house.mirror(environ(**{"wsgi.file_wrapper": wrapper}), start([]))
        assert type(answer) is wrapper
        assert len(house.metrics.requests) == (wrapper is FixedWrapper)
        assert b"".join(answer) == b"content"
        answer.close()
        assert house.metrics.requests == [("GET", 200, "default")]
        assert answer.filelike.closed


def test_where_nobody_counts_the_answer_is_the_applications_own(shadow: Upstream) -> None:
    """Nothing stands between it and the server."""
    stream = Stream(b"1")
    mirror = MirrorMiddleware(streaming(stream), shadow.url, percent=0)
    assert mirror(environ(), start([])) is stream
    mirror.close()


@UNMIRRORED
def test_a_status_without_a_number_is_between_application_and_server(
    changes: dict[str, Any], shadow: Upstream
) -> None:
    """Some servers take it."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("Fine", [])
        return [b"ok"]

    with House(application, shadow, **changes) as house:
        assert ask(house.mirror)[::2] == ("Fine", b"ok")


def test_a_shadow_that_refuses_is_nobodys_problem() -> None:
    """The answer is the application's; the ledger says what happened."""
    with House(echo, "http://127.0.0.1:9") as house:
        assert ask(house.mirror, b"abc", REQUEST_METHOD="POST")[2] == b"abc"
        wait_for(lambda: house.ledger() == {Outcome.FAILED_CONNECT: 1}, "the failure")
