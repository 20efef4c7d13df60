"""One line for each request, however it ends; around any application."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from gateway.accesslog.output import FileOutput
from gateway.accesslog.writer import LogWriter
from gateway.errors import BadRequest
from gateway.exchange import Exchange, LiveOutcome
from gateway.middleware.access_log import AccessLog, environ_key, writer_for
from gateway.middleware.refusing import refuse
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings.access_log import AccessLog as Settings
from gateway.shadow.outcome import Outcome

App = Any


class Lines:
    """Takes lines as a writer does, and shows them."""

    def __init__(self, fail: bool = False) -> None:
        self.lines: list[bytes] = []
        self.lost = 0
        self.fail = fail

    def offer(self, line: bytes) -> None:
        if self.fail:
            raise ValueError("offer")
        self.lines.append(line)

    def lose(self) -> None:
        self.lost += 1

    def only(self) -> dict[str, Any]:
        (line,) = self.lines
        told: dict[str, Any] = json.loads(line)
        return told


def logged(app: App, lines: Lines, **config: Any) -> AccessLog:
    return AccessLog(app, Settings(**config), writer=lines)  # type: ignore[arg-type]


def environ(path: str = "/a", **more: Any) -> dict[str, Any]:
    made = EnvironBuilder(path).get_environ()
    made["RAW_URI"] = path
    made.update(more)
    return made


def plain(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"ab", b"c"]


def ask(app: App, environ: dict[str, Any]) -> None:
    """As a server does: to the end, and closed."""
    run_wsgi_app(app, environ, buffered=True)


def test_around_a_flask_application(tmp_path: Path) -> None:
    """With nothing else of the gateway: what is known is in the file when it is closed."""
    app = flask.Flask("shop")
    app.add_url_rule("/<item>", view_func=lambda item: f"{item} sold", methods=["POST"])
    log = AccessLog(app.wsgi_app, Settings(to="file", file=str(tmp_path / "log")))
    client = Client(log)
    base = {"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": "test/1"}
    client.post("/tea?n=1&token=s3", data=b"12345", environ_base=base, buffered=True).close()
    client.get("/tea", buffered=True).close()
    log.writer.close()
    first, second = map(json.loads, (tmp_path / "log").read_bytes().splitlines())
    assert {key: first[key] for key in first.keys() - {"time", "request_id"}} == {
        "client": "127.0.0.1",
        "method": "POST",
        "target": "/tea?n=1&token=***",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_in": 5,
        "bytes_out": len("tea sold"),
        "complete": True,
        "queue_seconds": first["queue_seconds"],
        "total_seconds": first["total_seconds"],
        "user_agent": "test/1",
    }
    assert (second["status"], second["method"]) == (405, "GET")
    assert first["request_id"] < second["request_id"]


def test_the_application_answers_as_without_it() -> None:
    """Status, fields and every byte."""
    lines = Lines()
    with_log = run_wsgi_app(logged(plain, lines), environ(), buffered=True)
    without = run_wsgi_app(plain, environ(), buffered=True)
    assert (list(with_log[0]), with_log[1]) == (list(without[0]), without[1])


def test_what_others_found_out_is_in_the_line() -> None:
    """From the exchange, as it is when the answer is closed."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        exchange = Exchange.of(environ)
        exchange.client, exchange.identity, exchange.route = "192.0.2.1", "ann", "billing"
        exchange.upstream, exchange.upstream_seconds = "http://live", 0.0123456789
        exchange.live, exchange.copies = LiveOutcome.REFUSED, ("one", "two")
        exchange.missed = (("three", Outcome.SKIPPED_SAMPLED_OUT),)
        start_response("404 Not Found", [])
        return [b""]

    lines = Lines()
    ask(logged(app, lines), environ(REMOTE_ADDR="10.0.0.1"))
    told = lines.only()
    assert {key: told[key] for key in ("client", "identity", "route", "upstream", "live")} == {
        "client": "192.0.2.1",
        "identity": "ann",
        "route": "billing",
        "upstream": "http://live",
        "live": "refused",
    }
    assert (told["live_seconds"], told["shadows"], told["status"]) == (
        0.012346,
        ["one", "two"],
        404,
    )
    assert told["missed"] == {"three": "skipped: sampled_out"}


def test_durations_are_counted_from_the_arrival() -> None:
    """To the beginning of the chain, and to the close of the answer; the time is the arrival's."""
    moments = iter([12.5, 14.0])
    lines = Lines()
    log = AccessLog(
        plain,
        Settings(),
        writer=lines,  # type: ignore[arg-type]
        clock=lambda: next(moments),
        wall_clock=lambda: 1_700_000_004.0,
    )
    ask(log, {**environ(), "gateway.received": 12.0})
    told = lines.only()
    assert (told["queue_seconds"], told["total_seconds"]) == (0.5, 2.0)
    assert told["time"] == "2023-11-14T22:13:22.000Z"


def test_a_refusal_is_named() -> None:
    """Which middleware, and why."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        return refuse(environ, start_response, BadRequest("no"), middleware="m", reason="r")

    lines = Lines()
    ask(logged(app, lines), environ())
    assert (lines.only()["refused"], lines.only()["status"]) == ("m: r", 400)


def test_a_body_that_was_read_is_counted_as_read() -> None:
    """Chunked ones announce no length."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        BufferedRequest.of(environ, 100)
        return plain(environ, start_response)

    lines = Lines()
    body = EnvironBuilder("/", method="POST", data=b"1234567").get_environ()
    del body["CONTENT_LENGTH"]
    body |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    ask(logged(app, lines), body)
    assert lines.only()["bytes_in"] == 7


def test_an_application_that_raises_has_a_line() -> None:
    """As a 500, and the error goes on its way."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ValueError("app")

    lines = Lines()
    with pytest.raises(ValueError, match="app"):
        logged(app, lines)(environ(), lambda *args: None)
    assert (lines.only()["status"], lines.only()["complete"]) == (500, False)


class Answer:
    """Raises, or is left, in mid-iteration."""

    def __init__(self, fail_in_close: bool = False) -> None:
        self.closed = 0
        self._fail_in_close = fail_in_close

    def __iter__(self) -> Iterator[bytes]:
        yield b"part"
        raise ValueError("answer")

    def close(self) -> None:
        self.closed += 1
        if self._fail_in_close:
            raise ValueError("close")


def streaming(answer: Answer) -> App:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return answer

    return app


def test_an_answer_that_breaks_off_is_not_complete() -> None:
    """What was sent of it is counted; it is closed and logged once, however often it is told."""
    inner, lines = Answer(), Lines()
    answer = logged(streaming(inner), lines)(environ(), lambda *args: None)
    with pytest.raises(ValueError, match="answer"):
        list(answer)
    for _ in range(2):
        answer.close()  # type: ignore[attr-defined]
    assert (lines.only()["bytes_out"], lines.only()["complete"]) == (4, False)


def test_a_client_that_leaves_early_has_a_line() -> None:
    """With what it got."""
    inner, lines = Answer(), Lines()
    answer = logged(streaming(inner), lines)(environ(), lambda *args: None)
    assert next(iter(answer)) == b"part"
    assert lines.lines == []
    answer.close()  # type: ignore[attr-defined]
    told = lines.only()
    assert (told["status"], told["bytes_out"], told["complete"], inner.closed) == (200, 4, False, 1)


def test_an_answer_whose_close_raises_has_a_line() -> None:
    """Every callback runs even if an earlier one raises."""
    lines = Lines()
    answer = logged(streaming(Answer(fail_in_close=True)), lines)(environ(), lambda *args: None)
    with pytest.raises(ValueError, match="close"):
        answer.close()  # type: ignore[attr-defined]
    assert lines.only()["status"] == 200


def test_streaming_is_not_held_back() -> None:
    """Each part goes on as it comes, empty ones too."""
    made: list[bytes] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        for part in (b"", b"a", b"b"):
            made.append(part)
            yield part

    parts = iter(logged(app, Lines())(environ(), lambda *args: None))
    for number, part in enumerate((b"", b"a", b"b"), 1):
        assert next(parts) == part
        assert len(made) == number


def test_what_is_written_the_old_way_is_counted() -> None:
    """PEP 3333's write()."""
    written: list[bytes] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"12")
        return [b"345"]

    lines = Lines()
    answer = logged(app, lines)(environ(), lambda *args: written.append)
    assert b"".join(answer) == b"345"
    answer.close()  # type: ignore[attr-defined]
    assert (written, lines.only()["bytes_out"]) == ([b"12"], 5)


def test_a_second_status_wins() -> None:
    """start_response may be called again with exc_info."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("500 Oh", [], (ValueError, ValueError(), None))
        return [b""]

    lines = Lines()
    logged(app, lines)(environ(), lambda *args: None).close()  # type: ignore[attr-defined]
    assert lines.only()["status"] == 500


SECRETS = {
    "HTTP_AUTHORIZATION": "Bearer S3CRET",
    "HTTP_PROXY_AUTHORIZATION": "Basic S3CRET",
    "HTTP_COOKIE": "session=S3CRET",
    "HTTP_X_API_KEY": "S3CRET",
    "HTTP_X_KEY": "S3CRET",
    "HTTP_REFERER": "https://ann:S3CRET@h/?x=1&token=S3CRET",
    "HTTP_X_TENANT": "acme",
}


@pytest.mark.parametrize("form", ["json", "combined"])
def test_secrets_do_not_appear(form: str) -> None:
    """Not even when the settings ask for their fields."""
    lines = Lines()
    shown = ("Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "X-Key", "X-Tenant")
    config = Settings(format=form, headers=shown, redact_headers=("x-api-key",))  # type: ignore[arg-type]
    log = AccessLog(plain, config, writer=lines, secret_fields=["X-Key"])  # type: ignore[arg-type]
    ask(log, environ("/a?password=S3CRET&y=2", **SECRETS))
    (line,) = lines.lines
    assert b"S3CRET" not in line
    assert b"/a?password=***&y=2" in line
    if form == "json":
        told = lines.only()
        assert told["referer"] == "https://***@h/?x=1&token=***"
        assert told["headers"] == {**dict.fromkeys(shown, "***"), "X-Tenant": "acme"}


def test_fields_that_were_not_sent_are_not_shown() -> None:
    """And the two that WSGI keeps apart are found."""
    lines = Lines()
    log = logged(plain, lines, headers=("Content-Type", "X-Tenant"))
    ask(log, environ(CONTENT_TYPE="text/plain"))
    assert lines.only()["headers"] == {"Content-Type": "text/plain"}
    assert environ_key("Content-Length") == "CONTENT_LENGTH"


def test_a_field_declared_secret_is_redacted_wherever_it_is_shown() -> None:
    """The user agent too."""
    lines = Lines()
    ask(logged(plain, lines, redact_headers=("User-Agent",)), environ(HTTP_USER_AGENT="me"))
    assert lines.only()["user_agent"] == "***"


def test_long_values_are_cut() -> None:
    """A line has a bound, whatever a client sends; what is cut through shows no secret."""
    lines = Lines()
    target = "/a?x=" + "y" * 2020 + "&token=" + "S" * 5000
    ask(logged(plain, lines), environ(target, HTTP_USER_AGENT="u" * 9000))
    told = lines.only()
    assert len(lines.lines[0]) < 4096
    assert told["target"].endswith("&token=***")
    assert told["user_agent"] == "u" * 512 + "..."


def test_a_target_that_is_none_is_shown_all_the_same() -> None:
    """It is refused further in, and somebody will want to know."""
    lines = Lines()
    ask(logged(plain, lines), environ("nonsense \t"))
    assert lines.only()["target"] == "nonsense \t"


def test_a_line_that_cannot_be_made_is_lost_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The request is answered; the loss is counted and told."""
    lines = Lines(fail=True)
    ask(logged(plain, lines), environ())
    assert lines.lost == 1
    assert "ValueError: offer" in caplog.text


def test_routes_may_be_left_out() -> None:
    """Health checks; they are answered like all others."""
    lines = Lines()
    table = RouteTable([("/health", ("GET",), False)], default=True)
    log = AccessLog(plain, Settings(), writer=lines, logged=table)  # type: ignore[arg-type]
    for path in ("/health", "/healthy"):
        assert b"".join(run_wsgi_app(log, environ(path), buffered=True)[0]) == b"abc"
    assert lines.only()["target"] == "/healthy"


def test_a_path_through_a_route_without_lines_has_one() -> None:
    """An upstream may read it as another's: nobody gets out of the log by spelling."""
    lines = Lines()
    table = RouteTable([("/health", (), False)], default=True)
    log = AccessLog(plain, Settings(), writer=lines, logged=table)  # type: ignore[arg-type]
    run_wsgi_app(log, {**environ("/x"), "RAW_URI": "/health/../invoices"}, buffered=True)
    assert lines.only()["target"] == "/health/../invoices"


def test_the_writer_is_what_the_settings_ask_for() -> None:
    """A file by its name, or standard output."""
    assert "standard output" in repr(writer_for(Settings(to="stdout")))
    assert "/x/log" in repr(writer_for(Settings(to="file", file="/x/log")))
    writer = LogWriter(FileOutput("/x/log"), max_buffered=1)
    assert repr(AccessLog(plain, Settings(), writer=writer)) == f"<AccessLog {writer!r}>"
