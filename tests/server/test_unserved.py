"""What is known of a request that the worker refused, and who is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.server.refusal import Refused
from gateway.server.unserved import environ_of, note

REFUSAL = Refused(408, "The request did not arrive in time.")


def request(*headers: tuple[str, str]) -> Any:
    return SimpleNamespace(method="POST", uri="/a?x", version=(1, 1), headers=list(headers))


def test_nothing_but_the_sender_is_known_of_a_head_that_never_came() -> None:
    """What is not known is a dash, not something a client might have sent."""
    assert environ_of(("192.0.2.1", 4711), 5.0, None) == {
        "REQUEST_METHOD": "-",
        "RAW_URI": "-",
        "SERVER_PROTOCOL": "-",
        "REMOTE_ADDR": "192.0.2.1",
        "gateway.received": 5.0,
    }


def test_a_head_that_came_is_known() -> None:
    """Repeated fields joined, as WSGI has them."""
    sent = request(
        ("X-FORWARDED-FOR", "1.1.1.1"), ("X-FORWARDED-FOR", "192.0.2.1"), ("USER-AGENT", "me")
    )
    environ = environ_of("", 5.0, sent)
    assert environ["REMOTE_ADDR"] == ""
    assert (environ["REQUEST_METHOD"], environ["RAW_URI"]) == ("POST", "/a?x")
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,192.0.2.1"
    assert environ["HTTP_USER_AGENT"] == "me"


def test_the_application_is_told_and_says_the_id() -> None:
    """The one its log has."""
    told: list[Any] = []

    def noted(environ: Any, refusal: Any) -> str:
        told.append((environ["RAW_URI"], refusal))
        return "id"

    worker = SimpleNamespace(note_refusal=noted)
    assert note(worker, REFUSAL, peer="", received=5.0, request=request()) == "id"
    assert told == [("/a?x", REFUSAL)]


def test_without_anybody_to_tell_the_clients_id_is_taken() -> None:
    """Somebody's own application under these settings."""
    sent = request(("X-REQUEST-ID", "abc"))
    assert note(SimpleNamespace(), REFUSAL, peer="", received=5.0, request=sent) == "abc"


def test_an_error_in_counting_does_not_cost_the_client_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There is an id all the same, and the error is logged."""

    def broken(environ: Any, refusal: Any) -> str:
        raise ValueError("counting")

    worker = SimpleNamespace(note_refusal=broken)
    assert note(worker, REFUSAL, peer="", received=5.0)
    assert "ValueError: counting" in caplog.text
