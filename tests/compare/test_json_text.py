"""JSON with exact numbers, and what is not taken for JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from gateway.compare.json_text import JsonReader, NoJson
from tests.compare.making import DOCUMENTS, as_json

READER = JsonReader(max_depth=10)


def test_numbers_are_exact() -> None:
    """A tenth is a tenth, and integers of any size are what they are."""
    value = READER.read(b"[0.1, 10.10, 1e2, 123456789012345678901234567890]").value
    assert value == [Decimal("0.1"), Decimal("10.1"), 100, 123456789012345678901234567890]
    assert all(type(number) in {int, Decimal} for number in value)


ENCODED = {
    "utf-8": ("é".encode(), ""),
    "utf-8-with-bom": (b"\xef\xbb\xbf" + "é".encode(), "utf-8"),
    "utf-16": ("é".encode("utf-16"), "utf-16"),
    "utf-16-le-unsaid": ("é".encode("utf-16-le"), ""),
    "utf-32": ("é".encode("utf-32"), ""),
    "latin-1": ("é".encode("latin-1"), "iso-8859-1"),
}


@pytest.mark.parametrize(("text", "charset"), ENCODED.values(), ids=ENCODED)
def test_the_encoding_of_the_text_does_not_matter(text: bytes, charset: str) -> None:
    """Said by the charset, or seen."""
    quote = '"'.encode({"utf-16": "utf-16-le", "": "ascii"}.get(charset, "ascii"))
    if b"\0" in text:
        codec = "utf-32" if len(text) == 8 else "utf-16" if charset else "utf-16-le"
        data = '"é"'.encode(codec)
    else:
        bom = text[:3] if text.startswith(b"\xef\xbb\xbf") else b""
        data = bom + quote + text[len(bom) :] + quote
    assert READER.read(data, charset).value == "é"


NONE = {
    "text": b"hello",
    "nothing": b"",
    "nan": b"[NaN]",
    "trailing-comma": b"[1,]",
    "deep": b"[" * 11 + b"]" * 11,
    "very-deep": b"[" * 100_000,
    "twice": b'{"a": 1, "a": 1}',
    "twice-inside": b'[{"x": {"a": 1, "b": 2, "a": 1}}]',
    "twice-by-escape": b'{"a": 1, "\\u0061": 2}',
    "colon-by-escape": b'{"a\\u003a": 1, "a:": 1, "b": "\\u003a"}',
    "no-utf-8": b'"\xff"',
    "lone-surrogate": b'"\\ud800"',
    "endless-number": b"[" + b"9" * 5000 + b"]",
    "exponent": b"[1e99999999999999999999]",
    "broken-utf-16": b'"\0a',
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_has_no_one_meaning_is_no_json(text: bytes) -> None:
    """It is compared as it is."""
    with pytest.raises(NoJson):
        READER.read(text, "utf-16" if text == NONE["broken-utf-16"] else "")


def test_nesting_up_to_the_limit_is_json() -> None:
    """Arrays and objects beside each other do not count as nested."""
    assert READER.read(b"[" * 10 + b"]" * 10).value
    assert len(READER.read(b"[" + b"[]," * 50 + b"[]]").value) == 51


@given(DOCUMENTS)
def test_every_document_is_read_as_what_it_is(document: Any) -> None:
    """And the canonical text does not depend on the order of members."""
    read = READER.read(as_json(document).encode())
    assert read.value == document
    assert READER.read(as_json(_reversed(document)).encode()).canonical == read.canonical


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
