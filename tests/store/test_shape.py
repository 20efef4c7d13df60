"""Which parameters a request has, whatever their values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shadow.copy import Copy
from gateway.store.shape import shape_of


def shape(target: str = "/a", body: bytes = b"") -> str:
    return shape_of(Copy("id", "POST", target, (), body, bool(body)))


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        pytest.param("/a", b"", "", id="nothing"),
        pytest.param("/a?", b"", "", id="empty query"),
        pytest.param("/a?size=2&page=1&page=3", b"", "?page,size", id="query, sorted, once"),
        pytest.param("/a?x%20y=1&&z", b"", "?x y,z", id="escaped name, no value"),
        pytest.param("/a", b'{"b": {"c": 1}, "a": 2}', "{a,b}", id="top-level keys"),
        pytest.param("/a", b' \n{"b": 1}', "{b}", id="white space"),
        pytest.param("/a", b'[{"b": 1}, {"a": 1}]', "[{a,b}]", id="list of objects"),
        pytest.param("/a?q=1", b"{}", "?q {}", id="both"),
        pytest.param("/a", b"[1, 2]", "", id="list of numbers"),
        pytest.param("/a", b"a=1&b=2", "", id="no JSON"),
        pytest.param("/a", b'{"a": ', "", id="broken JSON"),
        pytest.param("/a", b'{"\xff": 1}', "", id="no UTF-8"),
        pytest.param("/a", b'{"4711": 1, "4712": 2}', "{*}", id="keys that are numbers"),
        pytest.param(
            "/a", b'{"3f2a9c5e8b7d41f0aa": 1, "name": 2}', "{*,name}", id="a key that is an id"
        ),
        pytest.param("/a", b'{"a":1}' + b" " * 65536, "", id="large"),
    ],
)
def test_the_shape_is_names(target: str, body: bytes, expected: str) -> None:
    """Sorted, each once, never a value."""
    assert shape(target, body) == expected


def test_many_names_are_cut_off() -> None:
    """Names are clients' choice."""
    text = shape("/a?" + "&".join(f"n{chr(97 + i // 26)}{chr(97 + i % 26)}=1" for i in range(99)))
    assert text.count(",") == 30
    assert text.endswith("…")


@given(st.text(max_size=50), st.binary(max_size=50))
def test_no_request_is_too_odd(query: str, body: bytes) -> None:
    """Whatever clients send has some shape."""
    assert isinstance(shape(f"/a?{query}", body), str)


def test_deep_json_has_a_shape_or_none() -> None:
    """A body that is nothing but brackets is no reason to fail."""
    assert shape("/a", b'{"a":' * 5000) == ""
    assert shape("/a", b"[" * 50_000) == ""
