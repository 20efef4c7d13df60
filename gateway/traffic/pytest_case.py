"""A difference as a test that can be run: the request, and what live had answered.

The file needs pytest and nothing else. It asks the base URL it is given, and demands
of the answer what live said in each place that differed, and nothing of the others.

Everything in it that came from outside is a Python literal or plain ASCII in a comment:
no body, name or path can be more than a value.
"""

from __future__ import annotations

import pprint
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from gateway.compare.answer import Answer
from gateway.compare.verdict import Difference, Kind, Part
from gateway.headers import end_to_end
from gateway.shadow.copy import Copy
from gateway.traffic.redacted import has_digest, is_redacted

_NOT_IDENTIFIER = re.compile(r"[^0-9a-z]+")
_WIDTH = 96
# Set by the test itself, which sends to another host.
_NOT_SENT = frozenset({"host", "content-length", "accept-encoding", "expect"})

_HEAD = '''\
"""{title}

Found by Gateway in mirrored traffic: live and the shadow gave different answers to this
request. The test asks whoever BASE_URL names, and expects what live answered where the
two differed.

    BASE_URL={base_url} pytest {file}

What was redacted is not in it. AUTHORIZATION, if set, is sent as that header field.
"""

import http.client
import json
import os
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

BASE_URL = os.environ.get("BASE_URL", {base_url!r})
# Seconds without an answer, or without more of it, after which there is none.
TIMEOUT = float(os.environ.get("TIMEOUT", "{timeout:g}"))

METHOD = {method}
TARGET = {target}
FIELDS = {fields}
BODY = {body}

STATUS = {status}
ABSENT = object()


class _Present:
    """Equal to whatever is there: live had something, which is not to be known here."""

    def __eq__(self, other):
        return other is not ABSENT

    def __repr__(self):
        return "PRESENT"


PRESENT = _Present()
# Where the answers differed, and what live had there. ABSENT: nothing.
EXPECTED_FIELDS = {expected_fields}
EXPECTED_JSON = {expected_json}
EXPECTED_BODY = {expected_body}
'''

_TAIL = '''

@pytest.fixture(scope="module")
def answer():
    """Status, fields and body of the answer to the request."""
    base = urlsplit(BASE_URL)
    kind = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
    connection = kind(base.netloc, timeout=TIMEOUT)
    try:
        connection.putrequest(METHOD, base.path.rstrip("/") + TARGET, skip_accept_encoding=True)
        for name, value in FIELDS:
            connection.putheader(name, value.encode("latin-1"))
        if "AUTHORIZATION" in os.environ:
            connection.putheader("Authorization", os.environ["AUTHORIZATION"])
        if BODY is not None:
            connection.putheader("Content-Length", str(len(BODY)))
        connection.endheaders(BODY)
        got = connection.getresponse()
        return got.status, got.headers, got.read()
    finally:
        connection.close()


def at(document, pointer):
    """What a JSON document has at an RFC 6901 pointer."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key) if isinstance(document, list) else key]
        except (LookupError, TypeError, ValueError):
            return ABSENT
    return document


def test_status(answer):
    """Live's status."""
    assert answer[0] == STATUS


@pytest.mark.parametrize("name", EXPECTED_FIELDS)
def test_field(answer, name):
    """Live's header field."""
    values = answer[1].get_all(name)
    assert (ABSENT if values is None else ", ".join(values)) == EXPECTED_FIELDS[name]


@pytest.mark.parametrize("pointer", EXPECTED_JSON)
def test_json(answer, pointer):
    """Live's value at this place of the document."""
    document = json.loads(answer[2], parse_float=Decimal)
    assert at(document, pointer) == EXPECTED_JSON[pointer]


@pytest.mark.skipif(EXPECTED_BODY is None, reason="the body did not differ as a whole")
def test_body(answer):
    """Live's body, byte for byte."""
    assert answer[2] == EXPECTED_BODY
'''


def pytest_case(
    request: Copy,
    live: Answer,
    differences: Sequence[Difference],
    *,
    base_url: str = "http://127.0.0.1:8000",
    title: str = "",
    timeout: float = 30.0,
) -> str:
    """The text of a test file. ``base_url``: asked where ``BASE_URL`` is not set. ``timeout``:
    seconds to wait where ``TIMEOUT`` is not set.
    """
    fields = [
        each
        for each in end_to_end(request.fields)
        if each[0].lower() not in _NOT_SENT and not is_redacted(each)
    ]
    return (
        _HEAD.format(
            title=_plain(title) or f"{_plain(request.method)} {_plain(request.target)}",
            file=file_name(request),
            base_url=_plain(base_url),
            timeout=timeout,
            method=_literal(request.method),
            target=_literal(request.target),
            fields=_literal(fields),
            body=_literal(request.body if request.had_body or request.body else None),
            status=int(live.status),
            expected_fields=_literal(_fields(differences)),
            expected_json=_literal(_json(differences)),
            expected_body=_literal(_content(live, differences)),
        )
        + _TAIL
    )


def file_name(request: Copy) -> str:
    """A name for the file that pytest finds and a person recognises."""
    words = _NOT_IDENTIFIER.sub("_", f"{request.method} {request.target.partition('?')[0]}".lower())
    return f"test_{words.strip('_')[:60]}.py"


class _Name:
    """A name in the test's source."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


_ABSENT, _PRESENT = _Name("ABSENT"), _Name("PRESENT")


def _fields(differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        _unescaped(each.pointer): _PRESENT
        if "set-cookie" in each.pointer and each.kind is not Kind.ADDED
        else _expected(each)
        for each in differences
        if each.part is Part.HEADERS
    }


def _json(differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        each.pointer: _expected(each)
        for each in differences
        if each.part is Part.BODY and each.kind is not Kind.CONTENT
    }


def _expected(difference: Difference) -> Any:
    if difference.kind is Kind.ADDED:
        return _ABSENT
    unknown = has_digest(difference.live)
    return _PRESENT if unknown or difference.kind is Kind.REQUIRED else difference.live


def _unescaped(pointer: str) -> str:
    return pointer.removeprefix("/").replace("~1", "/").replace("~0", "~")


def _content(live: Answer, differences: Sequence[Difference]) -> bytes | None:
    whole = any(each.part is Part.BODY and each.kind is Kind.CONTENT for each in differences)
    return live.body if whole and not has_digest(live.body) else None


def _plain(text: str) -> str:
    """Text for a docstring: nothing in it ends one, or is an escape."""
    ascii_only = text.encode("ascii", "replace").decode()
    return re.sub(r'[^ -~]|["\\]', "?", ascii_only)


def _literal(value: Any) -> str:
    """Python source for a value made of JSON's, Decimal and bytes."""
    return pprint.pformat(_ascii(value), width=_WIDTH, sort_dicts=False)


class _Source:
    """A value whose source is ASCII, whatever is in it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return ascii(self._value)


def _ascii(value: Any) -> Any:
    if isinstance(value, dict):
        return {_ascii(key): _ascii(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_ascii(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_ascii(item) for item in value)
    if isinstance(value, _Name):
        return value
    if value is None or isinstance(value, str | bytes | bool | int | Decimal):
        return _Source(value)
    # JSON's other numbers; what is no number has no place in JSON, nor in Python's source.
    return _Source(Decimal(str(value)))
