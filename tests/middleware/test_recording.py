"""The recording middleware around any WSGI application: it sees, and changes nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.test import Client, create_environ

from gateway.errors import BodyTooLarge
from gateway.exchange import Exchange
from gateway.middleware.recording import Recording
from gateway.settings.record import Record
from gateway.traffic.archive import archives_in
from gateway.traffic.reading import read_archive
from gateway.traffic.recorded import Recorded
from gateway.traffic.recorder import Recorder

MAX_BODY = 1000


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(
        Record(folder=str(tmp_path), percent=100, max_body=100), lambda r: r, folder=tmp_path
    )
    yield made
    made.close()


def around(app: Any, recorder: Recorder) -> Recording:
    return Recording(app, recorder, max_body=MAX_BODY)


def seen(recorder: Recorder, folder: Path) -> list[Recorded]:
    recorder.close()
    return [each for path in archives_in(folder) for each in read_archive(path, pytest.fail)]


def test_an_application_of_another_framework(recorder: Recorder, tmp_path: Path) -> None:
    """It gets its request and its client the answer, and both are recorded."""
    flask = Flask("live")

    @flask.post("/echo")
    def echo() -> Any:
        return request.get_data() * 2, 201, [("X-A", "1"), ("X-A", "2")]

    answer = Client(around(flask, recorder)).post("/echo?x=%2f", data=b"abc")
    assert (answer.status_code, answer.data) == (201, b"abcabc")
    answer.close()
    (found,) = seen(recorder, tmp_path)
    assert (found.request.method, found.request.target) == ("POST", "/echo?x=%2f")
    assert found.request.body == b"abc"
    assert found.live is not None
    assert (found.live.status, found.live.body) == (201, b"abcabc")
    assert [value for name, value in found.live.fields if name == "X-A"] == ["1", "2"]


def call(app: Any, *parts: Callable[[], object], **environ: Any) -> list[bytes]:
    """What a server sends of an answer; it closes it too."""
    answer = app(create_environ(**environ), lambda *_: None)
    try:
        return list(answer)
    finally:
        getattr(answer, "close", lambda: None)()


class Parts:
    """An answer in parts that knows whether it was closed."""

    def __init__(self, parts: Iterable[bytes], fails: Exception | None = None) -> None:
        self._parts = parts
        self._fails = fails
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        if self._fails is not None:
            raise self._fails

    def close(self) -> None:
        self.closed += 1
        if self._fails is not None:
            raise self._fails


def app_with(answer: Any, status: str = "200 OK") -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, [])
        return answer

    return app


def test_parts_pass_as_they_come(recorder: Recorder, tmp_path: Path) -> None:
    """None is held back to be recorded."""
    parts = Parts([b"a", b"", b"b"])
    assert call(around(app_with(parts), recorder)) == [b"a", b"", b"b"]
    assert parts.closed == 1
    (found,) = seen(recorder, tmp_path)
    assert found.live is not None
    assert found.live.body == b"ab"


def test_what_is_written_the_old_way_is_seen_too(recorder: Recorder, tmp_path: Path) -> None:
    """By ``write``, which PEP 3333 still has."""
    written = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"written ")
        return [b"returned"]

    answer = around(app, recorder)(create_environ(), lambda *_: written.append)
    assert list(answer) == [b"returned"]
    answer.close()  # type: ignore[attr-defined]
    assert written == [b"written "]
    (found,) = seen(recorder, tmp_path)
    assert found.live is not None
    assert found.live.body == b"written returned"


def test_an_application_that_raises_at_once(recorder: Recorder, tmp_path: Path) -> None:
    """Its error passes; the request is recorded without an answer."""

    def app(environ: Any, start_response: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(around(app, recorder), path="/a")
    (found,) = seen(recorder, tmp_path)
    assert (found.request.target, found.live) == ("/a", None)


def test_an_answer_that_breaks_off(recorder: Recorder, tmp_path: Path) -> None:
    """Half an answer is none to compare with; ``close`` was called, and raised."""
    parts = Parts([b"a"], OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        call(around(app_with(parts), recorder))
    assert parts.closed == 1
    assert seen(recorder, tmp_path)[0].live is None


def test_a_client_that_leaves_early(recorder: Recorder, tmp_path: Path) -> None:
    """Closed once, whoever closes twice; recorded once."""
    parts = Parts([b"a", b"b"])
    answer: Any = around(app_with(parts), recorder)(create_environ(), lambda *_: None)
    assert next(iter(answer)) == b"a"
    answer.close()
    answer.close()
    (found,) = seen(recorder, tmp_path)
    assert found.live is None


def test_nothing_that_fails_in_recording_reaches_the_request(recorder: Recorder) -> None:
    """Neither before nor after the answer."""

    def broken(*args: Any, **more: Any) -> Any:
        raise ZeroDivisionError

    recorder.finish = broken  # type: ignore[method-assign]
    assert call(around(app_with([b"ok"]), recorder)) == [b"ok"]
    recorder.open = broken  # type: ignore[method-assign]
    assert call(around(app_with([b"ok"]), recorder)) == [b"ok"]


def test_a_status_that_is_none_is_recorded_as_no_answer(recorder: Recorder, tmp_path: Path) -> None:
    """The server will say what it thinks of it."""
    call(around(app_with([b"?"], "fine"), recorder))
    assert seen(recorder, tmp_path)[0].live is None


def test_a_body_that_is_too_large_is_refused_as_ever(recorder: Recorder) -> None:
    """By the one who reads it first."""
    with pytest.raises(BodyTooLarge):
        call(
            around(app_with([]), recorder),
            method="POST",
            input_stream=io.BytesIO(b"x" * 2000),
            content_length=2000,
        )


def test_the_route_and_the_time_are_those_of_the_request(
    recorder: Recorder, tmp_path: Path
) -> None:
    """As the others know them."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        Exchange.of(environ).route = "invoices"
        start_response("200 OK", [])
        return []

    call(around(app, recorder))
    (found,) = seen(recorder, tmp_path)
    assert found.route == "invoices"
    assert abs(found.at - archives_in(tmp_path)[0].stat().st_mtime) < 60


def test_while_nothing_is_recorded_the_application_is_called_as_if_alone(
    recorder: Recorder, tmp_path: Path
) -> None:
    """Its own iterable goes to the server."""
    recorder.percent = 0
    parts = Parts([b"a"])
    assert around(app_with(parts), recorder)(create_environ(), lambda *_: None) is parts
    assert seen(recorder, tmp_path) == []
