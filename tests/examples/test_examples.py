"""Each example runs, mirrored, between wsgiref's validators; test clients work with it in place."""

from __future__ import annotations

import io
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

import gateway
from gateway import MirrorMiddleware
from tests.support.client import Client
from tests.support.gateway import free_port
from tests.support.upstream import Received, Upstream, upstream
from tests.support.waiting import wait_for
from tests.support.wsgi import ask

# What Pyramid's own libraries import.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated"),
    pytest.mark.filterwarnings("ignore:Deprecated call to .pkg_resources:DeprecationWarning"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDS = {"flask_app": "flask", "django_app": "django", "pyramid_app": "pyramid"}
NEEDS |= {"bottle_app": "bottle", "bare": "wsgiref", "legacy_write": "wsgiref"}


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


class Validated(MirrorMiddleware):
    """Stands in for it in the examples: with a validator on the application's side."""

    made: list[MirrorMiddleware] = []

    def __init__(self, application: Any, **arguments: Any) -> None:
        super().__init__(validator(application), **arguments)
        self.made.append(self)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, shadow: Upstream) -> Iterator[Any]:
    """Loads an example; a validator stands on both sides of its mirror."""
    monkeypatch.setenv("SHADOW", shadow.url)
    monkeypatch.setitem(gateway.__dict__, "MirrorMiddleware", Validated)

    def load(name: str) -> dict[str, Any]:
        pytest.importorskip(NEEDS[name], reason=f"needs the package {NEEDS[name]}")
        # Django keeps what it was configured with, and finds its urls by their module.
        monkeypatch.syspath_prepend(str(EXAMPLES))
        if name == "django_app":
            return vars(__import__(name))
        return runpy.run_path(str(EXAMPLES / f"{name}.py"))

    yield load
    while Validated.made:
        Validated.made.pop().close()


def copy_of(shadow: Upstream, target: bytes) -> Received:
    """The copy with this target."""
    return wait_for(
        lambda: next((each for each in shadow.taken() if each.target == target), None),
        f"the copy of {target!r}",
    )


JSON = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json"}
FORM = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
POSTED = {
    "bare": (b"amount=12.50", FORM, "201 Created", b"invoiced 12.50"),
    "flask_app": (b'{"amount": "12.50"}', JSON, "201 CREATED", b"12.50"),
    "pyramid_app": (b"amount=12.50", FORM, "201 Created", b"12.50"),
    "bottle_app": (b"amount=12.50", FORM, "201 Created", b"12.50"),
}


@pytest.mark.parametrize("name", POSTED)
def test_a_posted_form_is_answered_and_mirrored(name: str, example: Any, shadow: Upstream) -> None:
    """The framework reads the body as ever; the copy has it too."""
    loaded = example(name)
    application = loaded["app"] if name == "flask_app" else loaded["application"]
    body, sent, status, part = POSTED[name]
    answer = ask(validator(application), body, PATH_INFO="/invoices", **sent)
    assert answer[0] == status
    assert part in answer[2]
    assert copy_of(shadow, b"/invoices").body == body


@pytest.mark.parametrize("name", ["bare", "flask_app", "pyramid_app", "bottle_app", "django_app"])
def test_a_stream_arrives_whole(name: str, example: Any, shadow: Upstream) -> None:
    """And is mirrored."""
    loaded = example(name)
    application = loaded["app"] if name == "flask_app" else loaded["application"]
    if name == "django_app":
        application = Validated(application._application, shadow=shadow.url)
    answer = ask(validator(application), PATH_INFO="/stream")
    assert answer[0].startswith("200")
    assert answer[2].split() == b"line 0 line 1 line 2".split()
    copy_of(shadow, b"/stream")


def test_what_is_written_comes_first(example: Any, shadow: Upstream) -> None:
    """The legacy example answers with ``write()``, and reads its input by lines."""
    application = example("legacy_write")["application"]
    answer = ask(application, b"a\nb\n", PATH_INFO="/report", REQUEST_METHOD="POST")
    assert answer[2] == b"account;amount\na;0.00\nb;0.00\nend\n"
    assert copy_of(shadow, b"/report").body == b"a\nb\n"


def test_flasks_test_client_works_with_it_in_place(example: Any, shadow: Upstream) -> None:
    """Session, upload and stream."""
    client = example("flask_app")["app"].test_client()
    # Buffered: the client closes answers, as a server does.
    posted = client.post("/invoices", json={"amount": "3"}, buffered=True)
    assert posted.status_code == 201
    assert client.get("/last", buffered=True).json == {"amount": "3"}
    file = (io.BytesIO(b"x" * 70_000), "a.bin")
    uploaded = client.post("/upload", data={"file": file}, buffered=True)
    assert uploaded.json == {"name": "a.bin", "size": 70_000}
    assert client.get("/stream", buffered=True).data == b"line 0\nline 1\nline 2\n"
    assert b"x" * 70_000 in copy_of(shadow, b"/upload").body


def test_django_checks_csrf_takes_uploads_and_streams(example: Any, shadow: Upstream) -> None:
    """Its own handler, and its test client around the mirrored application."""
    application = Validated(example("django_app")["application"]._application, shadow=shadow.url)
    status, fields, token = ask(validator(application), PATH_INFO="/form")
    assert status == "200 OK"
    cookie = next(value for name, value in fields if name == "Set-Cookie").split(";")[0]
    boundary = "x-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n',
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n',
    ]
    body = "".join(parts).encode() + b"y" * 70_000 + f"\r\n--{boundary}--\r\n".encode()
    sent = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/upload",
        "CONTENT_TYPE": f"multipart/form-data; boundary={boundary}",
        "HTTP_COOKIE": cookie,
    }
    assert ask(validator(application), body, **sent)[0] == "403 Forbidden"
    answer = ask(validator(application), body, HTTP_X_CSRFTOKEN=token.decode(), **sent)
    assert json.loads(answer[2]) == {"name": "a.bin", "size": 70_000, "note": "hello"}
    assert copy_of(shadow, b"/upload").body == body
    source = ask(validator(application), PATH_INFO="/source")
    assert source[2] == (EXAMPLES / "django_app.py").read_bytes()


def test_djangos_test_client_does_not_go_through_a_server(example: Any, shadow: Upstream) -> None:
    """It calls Django's handler, not wsgi.py: it works as before, and nothing is mirrored."""
    example("django_app")
    from django.test import Client as DjangoClient

    client = DjangoClient()
    assert client.get("/form").status_code == 200
    assert b"".join(client.get("/stream")) == b"line 0\nline 1\nline 2\n"
    assert shadow.taken() == []


@pytest.mark.parametrize("name", [*NEEDS, "strangler"])
def test_it_runs_as_its_docstring_says(name: str, shadow: Upstream) -> None:
    """On a port of its own, until Ctrl-C."""
    pytest.importorskip(NEEDS.get(name, "werkzeug"))
    port = free_port()
    environment = {**os.environ, "SHADOW": shadow.url, "PYTHONPATH": str(EXAMPLES.parent)}
    with upstream(lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew") as live:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / f"{name}.py"), str(port)],
            env={**environment, "LIVE": live.url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            wait_for(lambda: _answers(process, port), "it to listen", 20)
            with Client(port) as client:
                answer = client.request("GET", "/billing/x", "X-Request-Id: asked")
            assert (answer.body == b"new") is (name == "strangler")
            copy_of(shadow, b"/billing/x")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            assert process.stderr is not None
            process.stderr.close()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, process.stderr and process.stderr.read()
    try:
        with Client(port) as client:
            return client.request("GET", "/").status > 0
    except OSError:
        return False
