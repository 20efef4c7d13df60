"""The request-target as sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.target import path_for_rules, path_of, raw_target

_VISIBLE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="#\x7f")
)


def environ(**changes: str) -> dict[str, str]:
    return {"REQUEST_METHOD": "GET", **changes}


@given(_VISIBLE)
def test_an_origin_form_target_is_untouched(rest: str) -> None:
    """Whatever follows the first slash passes byte for byte."""
    assert raw_target(environ(RAW_URI="/" + rest)) == "/" + rest


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_each_server_has_its_own_name_for_it(name: str) -> None:
    """gunicorn and uWSGI call it differently."""
    sent = "/a%2Fb//c;x?q=1&q=2&r=%00"
    assert raw_target(environ(**{name: sent}, PATH_INFO="/a/b//c;x")) == sent


@pytest.mark.parametrize(
    ("sent", "method", "target"),
    [
        ("http://other.test/a?b=1", "GET", "/a?b=1"),
        ("https://other.test", "GET", "/"),
        ("http://other.test?x", "GET", "/?x"),
        ("http://other.test", "OPTIONS", "*"),
        ("http://user@other.test:81//x", "GET", "//x"),
        ("//other.test/a", "GET", "//other.test/a"),
        ("*", "OPTIONS", "*"),
        ("/?", "GET", "/?"),
    ],
    ids=["absolute", "no-path", "query-only", "options", "double-slash", "network-path", "*", "?"],
)
def test_absolute_form_is_reduced_to_its_path(sent: str, method: str, target: str) -> None:
    """The upstream is the configured one, whatever authority the client names."""
    assert raw_target(environ(RAW_URI=sent, REQUEST_METHOD=method)) == target


@pytest.mark.parametrize(
    "sent",
    [
        "/a b",
        "/a\r\nX: y",
        "/\x00",
        "/\x7f",
        "/a#b",
        "/a?b#c",
        "http://other.test#/a",
        "other.test:80",
    ],
)
def test_what_cannot_stand_on_a_request_line_is_refused(sent: str) -> None:
    """Spaces, controls, fragments, and forms that are neither path nor URL."""
    with pytest.raises(BadRequest):
        raw_target(environ(RAW_URI=sent))


def test_without_a_raw_target_it_is_rebuilt_from_path_and_query() -> None:
    """Where a server keeps none: escaped again, and only what must be."""
    parts = environ(SCRIPT_NAME="/app", PATH_INFO="/ä b".encode().decode("latin-1"))
    assert raw_target({**parts, "QUERY_STRING": "b=2&a=1"}) == "/app/%C3%A4%20b?b=2&a=1"
    assert raw_target(environ()) == "/"


def test_path_of_a_target_is_all_before_the_first_question_mark() -> None:
    """Later question marks belong to the query."""
    assert path_of("/a?b?c") == "/a"
    assert path_of("/a") == "/a"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/a%2Fb?q=/c?d", "/a%2Fb"),
        ("http://other.test/a?q", "/a"),
        ("http://other.test", "/"),
        ("http://other.test?q=/x", "/"),
        ("//other.test/a", "//other.test/a"),
        ("*", "*"),
        ("a/b", "/a/b"),
        ("/a b", "/a b"),
        ("/admin#b?c", "/admin"),
        ("http://other.test/admin#b", "/admin"),
        ("/admin\x01", "/admin\x01"),
    ],
)
def test_rules_look_at_the_path_of_any_target(raw: str, path: str) -> None:
    """Also of one that cannot be forwarded: no rule is got round by sending nonsense."""
    assert path_for_rules(environ(RAW_URI=raw)) == path


@given(_VISIBLE)
def test_rules_look_at_what_is_forwarded(rest: str) -> None:
    """One value, read in one way."""
    for raw in ("/" + rest, "http://other.test/" + rest):
        sent = environ(RAW_URI=raw)
        assert path_for_rules(sent) == path_of(raw_target(sent))


def test_rules_look_at_the_rebuilt_path_where_the_server_keeps_no_other() -> None:
    """With the prefix that an application is mounted under."""
    assert path_for_rules(environ(SCRIPT_NAME="/a", PATH_INFO="/b c")) == "/a/b%20c"
