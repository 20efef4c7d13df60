"""Exchanges as lines: what is written is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from gateway.forwarded import Client
from gateway.traffic.line import NotARecord, line_of, recorded_of
from gateway.traffic.recorded import Recorded
from tests.traffic.exchanges import copy, exchanges, recorded


@given(exchanges())
def test_what_is_written_is_read(exchange: Recorded) -> None:
    """Any bytes in bodies, any that can be in fields."""
    line = line_of(exchange)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert recorded_of(line) == exchange


def test_a_line_is_json_that_people_can_read() -> None:
    """Text is text, so that jq and grep are of use."""
    read = json.loads(line_of(recorded(copy("POST", "/a", body=b'{"a": "\xc3\xa9"}'))))
    assert read["version"] == 1
    assert read["request"]["body"] == '{"a": "é"}'
    assert "base64" not in read["request"]


def test_the_clients_address_is_not_in_it() -> None:
    """It is personal data, and nothing that could be sent again."""
    request = copy()._replace(client=Client("192.0.2.7", "https", "h"))
    assert b"192.0.2.7" not in line_of(recorded(request))


def test_what_a_later_version_adds_is_left_alone() -> None:
    """Older readers go on reading."""
    read = json.loads(line_of(recorded()))
    read["mood"] = read["request"]["mood"] = "good"
    assert recorded_of(json.dumps(read).encode()) == recorded()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json",
        b"[]",
        b"\xff",
        b"[" * 5000,
        b'{"version": 1}',
        b'{"version": 2, "at": 1, "request": {"method": "GET", "target": "/"}}',
        b'{"version": 1, "at": 1, "request": {"method": "GET", "target": "/", "body": "%%%", '
        b'"base64": true}}',
        b'{"version": 1, "at": 1, "request": {"method": "GET", "target": "/"}, '
        b'"live": {"status": 200, "digest": "xyz"}}',
    ],
    ids=["empty", "text", "list", "bytes", "deep", "nothing", "newer", "base64", "digest"],
)
def test_anything_else_is_no_record(line: bytes) -> None:
    """One error, whatever is wrong."""
    with pytest.raises(NotARecord):
        recorded_of(line)
