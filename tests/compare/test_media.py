"""Content types, as far as the comparison goes by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.media import media_type, type_of

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("value", "is_json"),
    [
        pytest.param("application/json", True, id="JSON"),
        pytest.param("Application/JSON; charset=utf-8", True, id="capitals and a charset"),
        pytest.param("text/json", True, id="text/json"),
        pytest.param("application/problem+json", True, id="a format made of JSON"),
        pytest.param("application/json-seq", False, id="a sequence"),
        pytest.param("application/jsonlines", False, id="another format"),
        pytest.param("text/html; x=application/json", False, id="in a parameter"),
        pytest.param("json", False, id="no type"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_json_is_known_by_its_type(value: str, is_json: bool) -> None:
    """And by nothing else that a field may say."""
    assert media_type(value).is_json is is_json


def test_forms_are_known_by_their_type() -> None:
    """Their values can be redacted one by one."""
    assert media_type("application/x-www-form-urlencoded; charset=utf-8").is_form
    assert not media_type("multipart/form-data; boundary=x").is_form


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("text/html;charset=UTF-8", 'TEXT/HTML; Charset="utf-8"', True, id="writing"),
        pytest.param("a/b; x=1; y=2", "a/b; y=2; x=1", True, id="order of parameters"),
        pytest.param("application/json", "application/json; charset=utf-8", True, id="JSON's"),
        pytest.param("text/html", "text/html; charset=utf-8", False, id="a charset"),
        pytest.param("text/html; charset=latin1", "text/html; charset=utf-8", False, id="another"),
        pytest.param("application/json; v=1", "application/json; v=2", False, id="a parameter"),
        pytest.param("a/b; x=Y", "a/b; x=y", False, id="the case of a value"),
        pytest.param("application/json", "application/problem+json", False, id="two types"),
    ],
)
def test_types_are_the_same_whatever_does_not_matter(one: str, other: str, same: bool) -> None:
    """Also as keys."""
    assert (media_type(one) == media_type(other)) is same
    assert len({media_type(one), media_type(other)}) == (1 if same else 2)
    assert media_type(one) != one


def test_of_two_fields_the_last_one_counts() -> None:
    """As in browsers; none at all is no type."""
    assert type_of((("Content-Type", "text/html"), ("content-type", "a/b"))).essence == "a/b"
    assert type_of((("Content-Length", "1"), ("X-Content-Type", "a/b"))).essence == ""


@given(st.text(max_size=150))
def test_whatever_an_upstream_writes_is_read(value: str) -> None:
    """Nothing raises, and what is remembered is what would be read."""
    found = media_type(value)
    assert found == media_type(value)
    assert found.essence == found.essence.lower()


@given(NAMES, NAMES, st.dictionaries(NAMES.filter(lambda n: n != "charset"), NAMES, max_size=4))
def test_what_is_written_is_what_is_read(major: str, minor: str, more: dict[str, str]) -> None:
    """Type and parameters, beyond what is remembered too."""
    text = "; ".join([f"{major}/{minor}", *(f'{name.upper()}="{v}"' for name, v in more.items())])
    found = media_type(text)
    assert (found.essence, found.charset) == (f"{major}/{minor}", "")
    assert found.parameters == frozenset(more.items())
