"""Bodies as lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.dashboard import lines
from gateway.admin.dashboard.lines import (
    MOST_LINES,
    NoLines,
    in_order_of,
    json_lines,
    json_value,
    text_lines,
)
from gateway.compare.pointers import keys_in

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def at(value: Any, pointer: str) -> Any:
    for key in keys_in(pointer):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@given(JSON)
def test_the_lines_are_the_document(value: Any) -> None:
    """Put together they parse as it; each pointer leads to what its line shows."""
    found = json_lines(json_value(json.dumps(value).encode()))
    text = "\n".join(line.text + line.tail for line in found)
    assert json.loads(text) == value
    for line in found:
        here = at(value, line.pointer or "")
        if not isinstance(here, (dict, list)):
            assert line.text.endswith(json.dumps(here, ensure_ascii=False))


def test_numbers_are_shown_as_they_were_written() -> None:
    """10.10 is not 10.1, and nothing is rounded; a name may be there twice."""
    found = json_lines(json_value(b'{"a": 10.10, "a": 1e400, "b": -0.0, "c": 1234567890123456789}'))
    assert [line.text.strip() for line in found[1:-1]] == [
        '"a": 10.10',
        '"a": 1e400',
        '"b": -0.0',
        '"c": 1234567890123456789',
    ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<p>", id="html"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000, id="open brackets"),
        pytest.param(b"[" * 300 + b"]" * 300, id="deep"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(json.dumps([0] * MOST_LINES).encode(), id="long"),
    ],
)
def test_what_cannot_be_laid_out_is_said(data: bytes) -> None:
    """Whatever it is, it is no crash."""
    with pytest.raises(NoLines):
        json_lines(json_value(data))


def test_members_in_another_order_are_put_into_that_of_live() -> None:
    """It means nothing, and would look like a difference. New ones come last."""
    live = json_value(b'{"a": {"x": 1, "y": 2}, "b": [{"p": 1, "q": 2}]}')
    shadow = json_value(b'{"new": 0, "b": [{"q": 2, "p": 1}], "a": {"y": 2, "x": 1}}')
    found = json_lines(in_order_of(shadow, live))
    names = [line.text.strip().split('"')[1] for line in found if '"' in line.text]
    assert names == ["a", "x", "y", "b", "p", "q", "new"]


def test_text_and_bytes() -> None:
    """Text as it is; of bytes the first."""
    assert [line.text for line in text_lines("eins\nzwei ü".encode())] == ["eins", "zwei ü"]
    first, *_, last = text_lines(bytes(range(256)) * 4)
    assert first.text.startswith("0000  00 01 02")
    assert last.text == "… 1024 bytes in all"
    assert text_lines(b"a\0b")[0].text == "0000  61 00 62"


def test_no_text_is_too_long_for_a_page() -> None:
    """Lines, and letters in a line, are bounded."""
    assert len(text_lines(b"\n" * 10**6)) == MOST_LINES + 1
    assert len(text_lines(b"x" * 10**6)[0].text) == lines._WIDEST
