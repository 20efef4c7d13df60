"""The rules of one route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.validation.documents import Documents
from gateway.validation.rules import PlainRules
from gateway.validation.schema import Schema, compile_file
from tests.validation.messages import JSON, Request, bodies, errors, outcome, post, rejected
from tests.validation.test_documents import written

PLAIN = ("Content-Type", "text/plain")


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    return compile_file(Documents(written(tmp_path, a={"required": ["id"]})))


def rules(**settings: Any) -> PlainRules:
    return PlainRules(bodies(), **settings)


@pytest.mark.parametrize(
    "request_",
    [Request(), Request("ANY"), post(b"{"), Request("POST", "/", (), b"x")],
    ids=["nothing", "any method", "no JSON", "no type"],
)
def test_no_rules_allow_everything(request_: Request) -> None:
    """A table with nothing in it refuses nobody."""
    assert outcome(rules(), request_) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [("GET", None), ("HEAD", None), ("PUT", None), ("POST", "405"), ("get", "405")],
)
def test_methods_are_those_listed(method: str, expected: str | None) -> None:
    """And HEAD wherever GET is (RFC 9110 section 9.3.2)."""
    found = outcome(rules(methods=["PUT", "GET"]), Request(method))
    assert found == (("method", 405) if expected else None)


def test_a_refused_method_is_told_the_allowed_ones() -> None:
    """RFC 9110 section 15.5.6."""
    refusal = rejected(rules(methods=["PUT", "GET"]), Request("POST")).refusal
    assert refusal.headers == (("Allow", "PUT, GET, HEAD"),)
    assert rejected(rules(methods=["PUT"]), Request("GET")).refusal.headers == (("Allow", "PUT"),)


def test_required_fields_must_be_there_with_a_value() -> None:
    """In any case; the first one missing is named."""
    check = rules(required_headers=["X-Tenant", "If-Match"])
    given = (("x-tenant", "a"), ("IF-MATCH", "*"))
    assert outcome(check, Request(fields=given)) is None
    assert outcome(check, Request(fields=given[:1])) == ("header", 400)
    refusal = rejected(check, Request(fields=(("X-Tenant", ""), given[1]))).refusal
    assert refusal.detail == "Send the header field X-Tenant."


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(b"x", PLAIN), None),
        (post(b"x", ("Content-Type", "TEXT/csv; charset=latin-1")), None),
        (post(b"{}", JSON), ("content_type", 415)),
        (post(b"x", ("Accept", "text/plain")), ("content_type", 415)),
        (post(b"x", PLAIN, PLAIN), ("content_type", 415)),
        (post(b"", JSON), None),
        (Request("GET"), None),
    ],
    ids=["listed", "in a range", "another", "none", "two", "empty body", "no body"],
)
def test_content_types_are_those_listed(
    request_: Request, expected: tuple[str, int] | None
) -> None:
    """Of a body, where there is one."""
    assert outcome(rules(content_types=["text/*"]), request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(b"{}"), None),
        (post(b"{"), ("malformed", 400)),
        (post(b"{", ("Content-Type", "application/geo+json")), ("malformed", 400)),
        (post(b"{", PLAIN), None),
        (post(b"{", ("Accept", "*/*")), None),
        (post(b""), None),
    ],
    ids=["json", "malformed", "like json", "not json", "nobody says", "empty"],
)
def test_json_must_be_json(request_: Request, expected: tuple[str, int] | None) -> None:
    """Where a request says it is; other types are other rules' business."""
    assert outcome(rules(json=True), request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(b'{"id": 1}'), None),
        (post(b"{}"), ("schema", 422)),
        (post(b"{"), ("malformed", 400)),
        (post(b'{"id": 1}', PLAIN), ("content_type", 415)),
        (post(b'{"id": 1}', ("Accept", "*/*")), ("content_type", 415)),
        (post(b""), ("no_body", 400)),
        (post(b"", method="PATCH"), ("no_body", 400)),
        (Request("GET"), None),
        (Request("DELETE"), None),
        (post(b"{}", method="GET"), ("schema", 422)),
    ],
    ids=[
        "fits", "does not", "malformed", "plain text", "no type", "empty", "empty patch",
        "get", "delete", "get with a body",
    ],
)  # fmt: skip
def test_with_a_schema_a_body_must_be_json_that_fits(
    schema: Schema, request_: Request, expected: tuple[str, int] | None
) -> None:
    """No way round: live may parse what says it is plain text."""
    assert outcome(rules(schema=schema), request_) == expected


def test_a_schema_is_for_json_where_other_types_are_listed(schema: Schema) -> None:
    """An upload beside it is meant to pass."""
    check = rules(schema=schema, content_types=["application/json", "image/*"])
    assert outcome(check, post(b"PNG", ("Content-Type", "image/png"))) is None
    assert outcome(check, post(b"{}")) == ("schema", 422)
    assert outcome(check, post(b"x", PLAIN)) == ("content_type", 415)


def test_errors_go_into_the_problem_document(schema: Schema) -> None:
    """RFC 9457 section 3.2."""
    rejection = rejected(rules(schema=schema), post(b"{}"))
    assert errors(rejection) == [{"pointer": "", "detail": '"id" is a required property.'}]


def test_the_first_reason_counts(schema: Schema) -> None:
    """Method, fields, content type, body: as cheap as they come."""
    check = rules(schema=schema, methods=["POST"], required_headers=["X"])
    assert outcome(check, post(b"{", PLAIN, method="PUT")) == ("method", 405)
    assert outcome(check, post(b"{", PLAIN)) == ("header", 400)
    assert outcome(check, post(b"{", PLAIN, ("X", "y"))) == ("content_type", 415)
    assert outcome(check, post(b"{", JSON, ("X", "y"))) == ("malformed", 400)
