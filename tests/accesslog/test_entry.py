"""What a line looks like, in either form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accesslog.entry import CombinedForm, Entry, Form, JsonForm

# 2024-02-29 23:59:59.0625 UTC, which is exact in binary.
MOMENT = 1709251199.0625
HOSTILE = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\\n\r\t\x1b\x7f\x9b\u2028 '))


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "time": "T",
        "request_id": "id",
        "method": "GET",
        "target": "/a",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_in": 0,
        "bytes_out": 2,
        "complete": True,
        "queue_seconds": 0.001,
        "total_seconds": 0.25,
        **changes,
    }
    return Entry(**values)


def test_a_json_line_has_what_is_known_and_nothing_else() -> None:
    """One object, whose keys are its fields'."""
    line = JsonForm().line(entry(client="192.0.2.1", shadows=("a", "b")))
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "time": "T",
        "request_id": "id",
        "method": "GET",
        "target": "/a",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_in": 0,
        "bytes_out": 2,
        "complete": True,
        "queue_seconds": 0.001,
        "total_seconds": 0.25,
        "client": "192.0.2.1",
        "shadows": ["a", "b"],
    }


def test_a_combined_line_is_what_other_tools_parse() -> None:
    """Apache's documented format."""
    known = entry(
        client="192.0.2.1", identity="ann", user_agent="curl/8", referer="http://h/", time="D"
    )
    assert CombinedForm().line(known) == (
        b'192.0.2.1 - ann [D] "GET /a HTTP/1.1" 200 2 "http://h/" "curl/8"\n'
    )


def test_what_is_not_known_is_a_dash_in_a_combined_line() -> None:
    """So that the columns stay where they are; so is a size of nothing."""
    line = CombinedForm().line(entry(bytes_out=0))
    assert line == b'- - - [T] "GET /a HTTP/1.1" 200 - "-" "-"\n'


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param(JsonForm(), "2024-02-29T23:59:59.062Z", id="json"),
        pytest.param(CombinedForm(), "29/Feb/2024:23:59:59 +0000", id="combined"),
    ],
)
def test_times_are_utc(form: Form, expected: str) -> None:
    """Whatever the machine's zone is; asked twice, the second is remembered."""
    assert form.time(MOMENT) == form.time(MOMENT) == expected
    assert form.time(MOMENT + 1) != expected


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_a_client_sends_can_forge_a_json_line(target: str, agent: str, name: str) -> None:
    """Visible ASCII on one line; what was sent is what is read."""
    line = JsonForm().line(entry(target=target, user_agent=agent, identity=name))
    assert line.count(b"\n") == 1
    assert all(0x20 <= octet < 0x7F for octet in line[:-1])
    told = json.loads(line)
    assert (told["target"], told["user_agent"], told["identity"]) == (target, agent, name)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_a_client_sends_can_forge_a_combined_line(
    target: str, agent: str, name: str
) -> None:
    """Visible ASCII, six quotes, and an identity of one word."""
    line = CombinedForm().line(entry(target=target, user_agent=agent, identity=name))
    assert all(0x20 <= octet < 0x7F for octet in line[:-1])
    assert line.endswith(b"\n")
    assert line.count(b'"') == 6
    assert len(line.split(b" [T] ")[0].split(b" ")) == 3


def test_bytes_above_ascii_are_shown_as_bytes_in_combined_lines() -> None:
    """WSGI's text stands for latin-1 bytes."""
    assert b"/\\xc3\\xbc " in CombinedForm().line(entry(target="/\xc3\xbc"))


def test_text_that_is_no_unicode_does_not_cost_the_line() -> None:
    """Half a surrogate pair, which an embedding server might hand over."""
    assert b"\\x3f" in CombinedForm().line(entry(target="/\ud800"))
    assert json.loads(JsonForm().line(entry(target="/\ud800")))["target"] == "/\ud800"
