"""From settings to checks."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.validation import Validation
from gateway.validation.compiled import check_of
from gateway.validation.files import SchemaFault
from tests.validation.messages import JSON, Request, outcome, post
from tests.validation.test_documents import written

CLOSED = {"properties": {"day": {"format": "date"}}, "additionalProperties": False}
API = {"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": {"content": {"*/*": {}}}}}}}


@pytest.mark.parametrize(
    ("settings", "request_", "expected"),
    [
        ({"methods": ("GET",)}, Request("PUT"), ("method", 405)),
        ({"required_headers": ("X",)}, Request(), ("header", 400)),
        ({"content_types": ("text/*",)}, post(b"{}"), ("content_type", 415)),
        ({"json": True}, post(b"{"), ("malformed", 400)),
        ({"json": True, "max_depth": 2}, post(b"[[[]]]"), ("too_deep", 400)),
        ({"json": True}, post(b'{"a": 1, "a": 1}'), ("duplicate_key", 400)),
        ({"json": True, "unique_keys": False}, post(b'{"a": 1, "a": 1}'), None),
        ({"json": True, "max_json": 3}, post(b"[1, 2]"), ("too_large", 413)),
        (
            {"json": True, "max_ratio": 2},
            post(gzip.compress(b" " * 99_999 + b"1"), JSON, ("Content-Encoding", "gzip")),
            ("too_large", 413),
        ),
        ({"schema": "closed"}, post(b'{"x": 1}'), ("schema", 422)),
        ({"schema": "closed"}, post(b'{"day": "x"}'), ("schema", 422)),
        ({"schema": "closed", "formats": False}, post(b'{"day": "x"}'), None),
        ({"openapi": "api"}, post(b"{}", target="/a"), None),
        ({"openapi": "api"}, post(b"{", target="/a"), ("malformed", 400)),
        ({"openapi": "api"}, post(b"{}", target="/v1/a"), ("path", 404)),
        ({"openapi": "api", "base_path": "/v1"}, post(b"{}", target="/v1/a"), None),
        ({}, post(b"{"), None),
    ],
)
def test_every_setting_arrives_where_it_works(
    tmp_path: Path, settings: dict[str, Any], request_: Request, expected: tuple[str, int] | None
) -> None:
    """Each one alone changes what becomes of a request."""
    files = {"closed": written(tmp_path, closed=CLOSED), "api": written(tmp_path, api=API)}
    for name in ("schema", "openapi"):
        if name in settings:
            settings = {**settings, name: str(files[settings[name]])}
    assert outcome(check_of(Validation(**settings)), request_) == expected


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("schema", "expected a JSON Schema, draft 2020-12: at the top: "),
        ("openapi", 'expected an OpenAPI 3.1 description: at the top: "openapi" is a required'),
    ],
)
def test_a_fault_says_what_was_expected(tmp_path: Path, name: str, fault: str) -> None:
    """The settings put file, key and value before it."""
    path = written(tmp_path, a={"$ref": "#/none"})
    with pytest.raises(SchemaFault) as caught:
        check_of(Validation(**{name: str(path)}))
    assert str(caught.value).startswith(fault)
