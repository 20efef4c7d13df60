"""Digests in place of values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from gateway.compare.digests import Digests, is_digest
from gateway.compare.json_text import JsonReader
from tests.compare.making import DOCUMENTS

ENCODE = JsonReader(100).encode
DIGESTS = Digests(b"k" * 16, ENCODE)


@given(DOCUMENTS, DOCUMENTS)
def test_equal_values_have_equal_digests_and_others_do_not(one: Any, other: Any) -> None:
    """Equal as the comparison has it, where 1 is 1.0 and true is not 1."""
    same = ENCODE([DIGESTS.json(one)]) == ENCODE([DIGESTS.json(other)])
    if isinstance(one, (bool, str, type(None))) or isinstance(other, (bool, str, type(None))):
        assert same == (type(one) is type(other) and one == other)
    elif isinstance(one, (int, Decimal)) and isinstance(other, (int, Decimal)):
        assert same == (one == other)
    elif ENCODE(one) == ENCODE(other):
        assert same


@pytest.mark.parametrize("value", [None, "", [], {}], ids=["null", "text", "array", "object"])
def test_what_is_empty_stays_empty(value: Any) -> None:
    """It says nothing, and that it is empty does."""
    assert DIGESTS.json(value) == value
    assert DIGESTS.data(b"") == ""


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        ("secret", "redacted:text:6:"),
        (1050, "redacted:number:4:"),
        (Decimal("10.50"), "redacted:number:4:"),
        (True, "redacted:boolean:1:"),
        ([1, 2], "redacted:array:2:"),
        ({"a": 1}, "redacted:object:1:"),
    ],
)
def test_type_and_length_are_told(value: Any, begins: str) -> None:
    """And nothing else."""
    digest = DIGESTS.json(value)
    assert re.fullmatch(re.escape(begins) + "[0-9a-f]{16}", digest)
    assert DIGESTS.json(digest) == digest


def test_numbers_are_equal_as_decimals() -> None:
    """However they were written."""
    assert DIGESTS.json(Decimal("10.10")) == DIGESTS.json(Decimal("10.1"))
    assert DIGESTS.json(10) == DIGESTS.json(Decimal("1e1"))


def test_another_key_makes_other_digests() -> None:
    """Without the key nobody can try values; long keys work, short ones are refused."""
    others = [Digests(key, ENCODE) for key in (b"l" * 16, b"k" * 100, b"k" * 101)]
    texts = {each.text("secret") for each in (DIGESTS, *others)}
    assert len(texts) == 4
    assert DIGESTS.digest(b"x") != others[0].digest(b"x")
    with pytest.raises(ValueError, match="16 bytes"):
        Digests(b"short", ENCODE)


def test_only_digests_pass_for_digests() -> None:
    """A value that begins like one is a value."""
    assert is_digest(DIGESTS.text("a"))
    assert not is_digest("redacted: my password")
    assert "password" not in DIGESTS.text("redacted:text:8:password")
