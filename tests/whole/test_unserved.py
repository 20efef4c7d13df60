"""What the worker refuses by itself, in log, metrics and ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Answer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import upstream
from tests.support.waiting import wait_for

# What is sent, the status, and the target in the log: "-" where the head was not understood.
REFUSED = {
    "malformed": (b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400, "-"),
    "target_too_long": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "-"),
    "head_too_large": (b"GET /a HTTP/1.1\r\n" + b"X: b\r\n" * 101 + b"\r\n", 431, "-"),
    "expectation": (b"GET /a HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417, "-"),
    "too_slow": (b"GET /a HTTP/1.1\r\nHost: a\r\n", 408, "-"),
    "no_room": (
        b"POST /b?token=s3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        503,
        "/b?token=***",
    ),
}


@pytest.mark.parametrize("worker", ["gateway", "gthread"])
def test_what_never_became_a_request_is_counted_and_logged(worker: str, tmp_path: Path) -> None:
    """Once, under the id in its answer; the ledger and the counts stay equal."""
    log = tmp_path / "log"
    with upstream() as live, upstream() as shadow:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            max_body = 10
            [server]
            workers = 1
            worker_class = "{worker}"
            header_timeout = "300ms"
            [request]
            max_body = 10
            max_buffered = 10
            [access_log]
            to = "file"
            file = "{log}"
        """
        with gateway(config=config) as running, running.client() as busy:
            busy.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1")
            wait_for(lambda: running.metric("gateway_body_bytes") == 10, "the reservation")
            answers = {name: _ask(running, sent) for name, (sent, _, _) in REFUSED.items()}
            wait_for(lambda: len(_lines(log)) == len(answers), "the lines")
            assert [_told(line) for line in _lines(log)] == [
                (f"server: {name}", answer.status, json.loads(answer.body)["request_id"])
                for name, answer in answers.items()
            ]
            for line, (_, status, target) in zip(_lines(log), REFUSED.values(), strict=True):
                assert (line["status"], line["target"], line["client"]) == (
                    status,
                    target,
                    "127.0.0.1",
                )
            running.quiet()
            assert running.metric("gateway_requests_total") == len(answers)
            assert running.metric("gateway_refusals_total", middleware="server") == len(answers)
            assert running.ledger() == {"skipped refused": len(answers)}
        assert (live.taken(), shadow.taken()) == ([], [])


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []


def _told(line: dict[str, Any]) -> tuple[str, int, str]:
    return line["refused"], line["status"], line["request_id"]


def _ask(running: GatewayProcess, sent: bytes) -> Answer:
    with running.client() as client:
        client.send(sent)
        return client.answer()
