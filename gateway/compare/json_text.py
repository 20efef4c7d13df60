"""JSON as the comparison reads it: numbers exact, and nothing that could be read two ways.

Integers are ``int``, all other numbers ``Decimal``: 10.10 is 10.1, and 0.1 is a tenth.
Text that is no JSON (RFC 8259), is nested too deeply, or has one key twice in an object
(parsers differ in which one wins) is none here either, and compared byte for byte.
"""

from __future__ import annotations

import codecs
import json
from decimal import Decimal, DecimalException
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from gateway.errors import GatewayError

# Python has codecs for more than texts, some of them slow: only those that are in use.
_CHARSETS = MappingProxyType(
    {
        "utf-16": "utf-16",
        "utf-16le": "utf-16-le",
        "utf-16be": "utf-16-be",
        "utf-32": "utf-32",
        "utf-32le": "utf-32-le",
        "utf-32be": "utf-32-be",
        "iso-8859-1": "latin-1",
        "latin1": "latin-1",
        "iso-8859-15": "iso-8859-15",
        "windows-1252": "cp1252",
    }
)


class NoJson(GatewayError):
    """The text is none that has one meaning."""


class Document(NamedTuple):
    """``canonical``: the same for the same document, however its text was written, but
    not always for 10.10 and 10.1.
    """

    value: Any
    canonical: bytes


class JsonReader:
    """A parser with its limit. Any thread may use it: it keeps nothing."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._decode = msgspec.json.Decoder(float_hook=_decimal).decode
        self.encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode

    def read(self, data: bytes, charset: str = "") -> Document:
        """The document. Raises ``NoJson``."""
        text = in_utf8(data, charset)
        try:
            value = self._decode(text)
            if text.count(b"[") + text.count(b"{") > self._max_depth:
                self._check_depth(value)
            canonical = self.encode(value)
        except (msgspec.DecodeError, UnicodeError, DecimalException, RecursionError) as error:
            raise NoJson(str(error)) from None
        _check_keys(text, canonical)
        return Document(value, canonical)

    def _check_depth(self, value: Any) -> None:
        """Level by level: a tree of any shape costs no more than its size."""
        level = [value]
        for _ in range(self._max_depth):
            level = [
                item
                for container in level
                if isinstance(container, (dict, list))
                for item in (container.values() if type(container) is dict else container)
                if type(item) is dict or type(item) is list
            ]
            if not level:
                return
        raise NoJson("nested too deeply")


def in_utf8(data: bytes, charset: str) -> bytes:
    """Text in whatever encoding, as UTF-8. Raises ``NoJson``."""
    if data.startswith(codecs.BOM_UTF8):
        return data[3:]
    codec = _CHARSETS.get(charset) or _guessed(data)
    if codec is None:
        return data
    try:
        return data.decode(codec).lstrip("\ufeff").encode()
    except UnicodeError as error:
        raise NoJson(str(error)) from None


def _guessed(data: bytes) -> str | None:
    """RFC 4627 section 3: JSON begins with ASCII, so that NULs tell its encoding."""
    if b"\0" not in data[:4]:
        return None
    codec = json.detect_encoding(data)
    return None if codec.startswith("utf-8") else codec


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError("number out of range")
    return number


def _check_keys(text: bytes, canonical: bytes) -> None:
    """Every pair has a colon, and a pair that another one replaced has none in the value
    written anew. Colons inside texts are the same in both, unless one was an escape.
    """
    if b"\\u003" not in text and text.count(b":") == canonical.count(b":"):
        return
    try:
        json.loads(text, object_pairs_hook=_unique, parse_float=str, parse_int=str)
    except ValueError as error:
        raise NoJson(str(error)) from None


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice in one object")
