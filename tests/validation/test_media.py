"""Content types and ranges of them."""

from __future__ import annotations

import pytest

from gateway.validation.media import JSON_RANGES, MediaRules, media_type
from gateway.validation.rejection import Reason, Rejected


def fields(*values: str) -> list[tuple[str, str]]:
    return [("Accept", "text/html"), *(("content-TYPE", value) for value in values)]


@pytest.mark.parametrize(
    ("value", "essence", "is_json", "is_utf8"),
    [
        ("application/json", "application/json", True, True),
        ("application/json;charset=utf-8", "application/json", True, True),
        ('Application/JSON ; Charset="UTF-8"', "application/json", True, True),
        ("application/json; charset=utf-16", "application/json", True, False),
        ("application/json; x=y; charset=latin-1", "application/json", True, False),
        ("application/vnd.api+json", "application/vnd.api+json", True, True),
        ("application/json-seq", "application/json-seq", False, True),
        ("application/json, text/plain", "application/json, text/plain", False, True),
        ("text/json", "text/json", False, True),
        ("", "", False, True),
    ],
)
def test_a_content_type_is_read(value: str, essence: str, is_json: bool, is_utf8: bool) -> None:
    """Any case, spaces and parameters (RFC 9110 section 8.3.1)."""
    kind = media_type(fields(value))
    assert kind is not None
    assert (kind.essence, kind.is_json, kind.is_utf8) == (essence, is_json, is_utf8)


def test_a_request_may_have_none() -> None:
    """That is for the rules to judge."""
    assert media_type(fields()) is None


def test_two_content_types_are_refused() -> None:
    """Live might believe the other one, and parse what was not checked."""
    with pytest.raises(Rejected) as caught:
        media_type(fields("text/plain", "application/json"))
    assert (caught.value.reason, caught.value.refusal.status) == (Reason.CONTENT_TYPE, 415)


RULES = MediaRules(
    {
        "*/*": "any",
        "text/*": "text",
        "application/*+json": "like JSON",
        "application/*": "application",
        "Application/JSON": "JSON",
        "application/vnd.*+json": "vendor's",
    }
)


@pytest.mark.parametrize(
    ("essence", "found"),
    [
        ("application/json", "JSON"),
        ("application/geo+json", "like JSON"),
        ("application/vnd.x+json", "vendor's"),
        ("application/xml", "application"),
        ("text/plain", "text"),
        ("image/png", "any"),
        ("nonsense", None),
        ("text/a/b", None),
    ],
)
def test_the_narrowest_range_wins(essence: str, found: str | None) -> None:
    """In whatever order they were given."""
    assert RULES.find(essence) == found


def test_a_refusal_says_what_would_do() -> None:
    """RFC 9110 section 15.5.16; RFC 5789 section 2.2 for PATCH."""
    rules = MediaRules(dict.fromkeys(JSON_RANGES, True))
    refusal = rules.refusal("POST").refusal
    assert refusal.status == 415
    assert refusal.headers == (("Accept", "application/json, application/*+json"),)
    assert rules.refusal("PATCH").refusal.headers[1] == (
        "Accept-Patch",
        "application/json, application/*+json",
    )
