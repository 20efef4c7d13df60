"""What a call to an upstream raises, and what that means for client and ledger."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from gateway.errors import LiveBadAnswer, LiveTimedOut, LiveUnreachable, Refusal
from gateway.failures import UPSTREAM_ERRORS, Failure, failure_of, outcome_of, refusal_of
from gateway.shadow.outcome import Outcome
from gateway.transport import Http1Adapter
from tests.support.upstream import Act, reset, upstream


class Stalled:
    """Says nothing until it is told to end."""

    def __call__(self, connection: socket.socket) -> None:
        connection.recv(1)


CALLS: dict[str, tuple[Act, Outcome, type[Refusal]]] = {
    "reset": (reset, Outcome.FAILED_RESET, LiveUnreachable),
    "closed": (None, Outcome.FAILED_RESET, LiveUnreachable),
    "silent": (Stalled(), Outcome.FAILED_TIMED_OUT, LiveTimedOut),
    "cut-short": (
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        Outcome.FAILED_RESET,
        LiveUnreachable,
    ),
}


@pytest.mark.parametrize("adapter", [Http1Adapter, HTTPAdapter], ids=["ours", "urllib3"])
@pytest.mark.parametrize(("act", "outcome", "refusal"), CALLS.values(), ids=CALLS)
def test_a_failed_call_means_the_same_over_either_adapter(
    act: Act, outcome: Outcome, refusal: type[Refusal], adapter: type[Any]
) -> None:
    """The table knows both libraries' exceptions."""
    with upstream(lambda request: act) as server:
        error = error_of(adapter, server.url)
    assert outcome_of(error) is outcome
    assert type(refusal_of(error)) is refusal


@pytest.mark.parametrize("adapter", [Http1Adapter, HTTPAdapter], ids=["ours", "urllib3"])
def test_no_connection_is_told_apart(adapter: type[Any]) -> None:
    """Nothing was sent then."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = error_of(adapter, f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert failure_of(error) is Failure.CONNECT


def test_an_answer_that_is_not_http_is_a_bad_answer() -> None:
    """Over our adapter; the stock one takes it for a reset."""
    with upstream(lambda request: b"220 smtp.test\r\n\r\n") as server:
        error = error_of(Http1Adapter, server.url)
    assert type(refusal_of(error)) is LiveBadAnswer
    assert outcome_of(error) is Outcome.FAILED_BAD_ANSWER


def error_of(adapter: type[Any], url: str) -> BaseException:
    """What a call with a short time-out raises."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", adapter())
        with pytest.raises(UPSTREAM_ERRORS) as caught:
            _ = session.post(url, b"x", timeout=(1, 0.2)).content
    return caught.value


def test_what_is_not_in_the_table_is_our_own_fault() -> None:
    """And looks like it in the ledger."""
    assert failure_of(KeyError()) is Failure.INTERNAL
    assert outcome_of(KeyError()) is Outcome.FAILED_INTERNAL


def test_every_meaning_has_a_status_and_says_which_time_out_it_was() -> None:
    """Connect and read are told apart in the detail."""
    details = [refusal_of(e).detail for e in (requests.ConnectTimeout(), requests.ReadTimeout())]
    assert "connect time-out" in details[0]
    assert "read time-out" in details[1]
