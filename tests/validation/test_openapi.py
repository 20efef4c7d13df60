"""An API described in OpenAPI 3.1, and requests that keep to it or not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.validation.documents import Documents
from gateway.validation.files import SchemaFault
from gateway.validation.openapi import OpenApiRules, compile_openapi
from tests.validation.messages import JSON, Request, bodies, errors, outcome, post, rejected
from tests.validation.test_documents import written

DESCRIPTION = """
openapi: 3.1.0
info: {title: Billing, version: "1"}
servers:
  - url: https://{region}.billing.test/v1/
    variables: {region: {default: eu, enum: [eu, us]}}
  - url: /{stage}
    variables: {stage: {default: test, enum: [test, beta]}}
paths:
  /invoices:
    parameters:
      - {$ref: "#/components/parameters/Tenant"}
    get:
      parameters:
        - {name: page, in: query, schema: {type: integer, minimum: 1}}
        - {name: tag, in: query, schema: {type: array, items: {type: integer}, maxItems: 2}}
        - name: filter
          in: query
          style: deepObject
          schema: {type: object, properties: {paid: {type: boolean}}, additionalProperties: false}
        - {name: Accept, in: header, required: true, schema: {const: never looked at}}
        - {name: session, in: cookie, schema: {type: string, minLength: 4}}
        - {name: zip, in: query, schema: {anyOf: [{type: integer, maximum: 9}, {type: string}]}}
        - name: where
          in: query
          content: {application/json: {schema: {type: object, required: [a]}}}
        - {name: empty, in: query, allowEmptyValue: true, schema: {type: integer}}
      responses: {200: {description: them}}
    post:
      requestBody: {$ref: "#/components/requestBodies/Invoice"}
      responses: {201: {description: made}}
  /invoices/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
    get: {responses: {}}
    put:
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, maximum: 9}}
      requestBody:
        content:
          application/merge-patch+json: {schema: {type: object}}
          image/*: {}
      responses: {}
    delete: {responses: {}}
  /invoices/new:
    get: {responses: {}}
components:
  parameters:
    Tenant: {name: X-Tenant, in: header, required: true, schema: {pattern: "^[a-z]+$"}}
  requestBodies:
    Invoice:
      required: true
      content:
        application/json: {schema: {$ref: "#/components/schemas/Invoice"}}
  schemas:
    Invoice:
      type: object
      required: [customer]
      properties:
        customer: {type: string}
        lines: {type: array, items: {$ref: "#/components/schemas/Line"}}
    Line: {type: object, properties: {amount: {type: number}}}
"""
TENANT = ("X-Tenant", "acme")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> OpenApiRules:
    file = tmp_path_factory.mktemp("api") / "billing.yaml"
    file.write_text(DESCRIPTION)
    return compile_openapi(Documents(file), bodies())


def get(target: str, *fields: tuple[str, str], method: str = "GET") -> Request:
    return Request(method, target, fields or (TENANT,))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get("/v1/invoices"), None),
        (get("/test/invoices"), None),
        (get("/beta/invoices/new"), None),
        (get("/invoices"), ("path", 404)),
        (get("/v1/invoices/"), ("path", 404)),
        (get("/v1/customers"), ("path", 404)),
        (get("/v1/invoices/7/../../admin"), ("path", 404)),
        (get("*", method="OPTIONS"), ("path", 404)),
        (get("/v1/invoices", method="HEAD"), None),
        (get("/v1/invoices?page=0", method="HEAD"), ("parameter", 422)),
        (get("/v1/invoices", method="DELETE"), ("method", 405)),
        (get("/v1/invoices/7", method="DELETE"), None),
    ],
    ids=lambda value: value.target if isinstance(value, Request) else str(value),
)
def test_paths_and_methods_are_those_described(
    api: OpenApiRules, request_: Request, expected: tuple[str, int] | None
) -> None:
    """Below the paths of the servers."""
    assert outcome(api, request_) == expected


def test_a_refused_method_is_told_the_allowed_ones(api: OpenApiRules) -> None:
    """HEAD is there where GET is."""
    refusal = rejected(api, get("/v1/invoices/7", method="POST")).refusal
    assert refusal.headers == (("Allow", "GET, PUT, DELETE, HEAD"),)


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        (get("/v1/invoices"), None),
        (get("/v1/invoices", ("x-TENANT", "acme")), None),
        (get("/v1/invoices", ("X", "y")), ("header", "X-Tenant", "", "is required")),
        (get("/v1/invoices", ("X-Tenant", "A")), ("header", "X-Tenant", "", "does not match")),
        (get("/v1/invoices", TENANT, TENANT), ("header", "X-Tenant", "", "more than once")),
        (get("/v1/invoices?page=1"), None),
        (get("/v1/invoices?page=0"), ("query", "page", "", "less than the minimum")),
        (get("/v1/invoices?page=x"), ("query", "page", "", 'not of type "integer"')),
        (get("/v1/invoices?page="), ("query", "page", "", 'not of type "integer"')),
        (get("/v1/invoices?page=1&page=2"), ("query", "page", "", "more than once")),
        (get("/v1/invoices?tag=1&tag=2"), None),
        (get("/v1/invoices?tag=1&tag=x"), ("query", "tag", "/1", 'not of type "integer"')),
        (get("/v1/invoices?tag=1&tag=2&tag=3"), ("query", "tag", "", "more than 2 items")),
        (get("/v1/invoices?filter[paid]=true"), None),
        (get("/v1/invoices?filter%5Bpaid%5D=1"), ("query", "filter", "/paid", "boolean")),
        (get("/v1/invoices?filter[x]=1"), ("query", "filter", "", "unexpected")),
        (get("/v1/invoices", TENANT, ("Cookie", "a=b; session=long")), None),
        (get("/v1/invoices", TENANT, ("Cookie", "session=abc")), ("cookie", "session", "", "")),
        (get("/v1/invoices?zip=12345"), None),
        (get("/v1/invoices?where=%7B%22a%22%3A1%7D"), None),
        (get("/v1/invoices?where=%7B%7D"), ("query", "where", "", '"a" is a required')),
        (get("/v1/invoices?where=%7B"), ("query", "where", "", "must be JSON")),
        (get("/v1/invoices?empty"), None),
        (get("/v1/invoices?other=1&page=2"), None),
        (get("/v1/invoices/7"), None),
        (get("/v1/invoices/x"), ("path", "id", "", 'not of type "integer"')),
        (get("/v1/invoices/%37"), None),
        (get("/v1/invoices/%FF"), ("path", "id", "", "must be UTF-8")),
        (get("/v1/invoices/70", method="PUT"), ("path", "id", "", "greater than the maximum")),
    ],
    ids=lambda value: value.target if isinstance(value, Request) else "",
)
def test_parameters_are_read_and_checked(
    api: OpenApiRules, request_: Request, wrong: tuple[str, str, str, str] | None
) -> None:
    """By their place, style and schema; those of an operation go before those of its path."""
    if wrong is None:
        assert outcome(api, request_) is None
        return
    where, name, pointer, detail = wrong
    (error,) = errors(rejected(api, request_))
    assert (error["in"], error["name"], error["pointer"]) == (where, name, pointer)
    assert detail in error["detail"]


def test_all_wrong_parameters_are_listed_together(api: OpenApiRules) -> None:
    """One round trip to learn of them all; never more than twenty."""
    found = errors(rejected(api, get("/v1/invoices?page=0&tag=x", ("X", "y"))))
    assert [error["name"] for error in found] == ["X-Tenant", "page", "tag"]
    many = "&".join(["tag=x"] * 50)
    assert len(errors(rejected(api, get(f"/v1/invoices?page=0&{many}")))) == 20


def invoice(body: bytes, *fields: tuple[str, str]) -> Request:
    return post(body, TENANT, *(fields or (JSON,)), target="/v1/invoices")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (invoice(b'{"customer": "a"}'), None),
        (invoice(b'{"customer": 1}'), ("schema", 422)),
        (invoice(b"{"), ("malformed", 400)),
        (invoice(b""), ("no_body", 400)),
        (invoice(b"{}", ("Content-Type", "text/plain")), ("content_type", 415)),
        (invoice(b"{}", ("X", "y")), ("content_type", 415)),
        (post(b"{}", TENANT, JSON, target="/v1/invoices", method="GET"), ("unexpected_body", 400)),
        (post(b"", target="/v1/invoices/7", method="PUT"), None),
        (post(b"1", target="/v1/invoices/7", method="PUT"), ("content_type", 415)),
        (
            post(b"P", ("Content-Type", "image/png"), target="/v1/invoices/7", method="PUT"),
            None,
        ),
        (
            post(
                b"1",
                ("Content-Type", "application/merge-patch+json"),
                target="/v1/invoices/7",
                method="PUT",
            ),
            ("schema", 422),
        ),
        (post(b"{}", target="/v1/invoices/7", method="DELETE"), ("unexpected_body", 400)),
    ],
    ids=[
        "fits", "does not", "malformed", "missing", "other type", "no type", "none described",
        "optional", "another type", "no schema", "its own schema", "to delete",
    ],
)  # fmt: skip
def test_bodies_are_those_described(
    api: OpenApiRules, request_: Request, expected: tuple[str, int] | None
) -> None:
    """What nobody described reaches nobody."""
    assert outcome(api, request_) == expected


def test_errors_in_a_body_have_pointers(api: OpenApiRules) -> None:
    """Through the schemas of the components."""
    body = b'{"customer": "a", "lines": [{"amount": 1}, {"amount": "x"}]}'
    (error,) = errors(rejected(api, invoice(body)))
    assert error["pointer"] == "/lines/1/amount"


def minimal(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.1", "paths": {"/a": paths}}


GET: dict[str, Any] = {"get": {}}


def parameter(**more: Any) -> dict[str, Any]:
    return minimal(get={"parameters": [{"name": "x", "in": "query", "schema": {}, **more}]})


@pytest.mark.parametrize(
    ("description", "fault"),
    [
        ([], 'at the top: [] is not of type "object"'),
        ({}, 'at the top: "openapi" is a required property'),
        ({"openapi": "3.0.3", "paths": {}}, 'at /openapi: "3.0.3" does not match "^3\\.1\\."'),
        ({"swagger": "2.0"}, 'at the top: "openapi" is a required property'),
        ({"openapi": "3.1.0"}, 'at the top: "paths" is a required property'),
        ({"openapi": "3.1.0", "paths": []}, 'at /paths: [] is not of type "object"'),
        ({"openapi": "3.1.0", "paths": {"/a": 7}}, 'at /paths/~1a: 7 is not of type "object"'),
        ({"openapi": "3.1.0", "paths": {"a": GET}}, "at the top: a: a path must start with /"),
        (
            {"openapi": "3.1.0", "paths": {"/{a}": GET, "/{b}": GET}},
            "at the top: /{b}: another path of this document",
        ),
        ({**minimal(**GET), "jsonSchemaDialect": "x"}, 'at /jsonSchemaDialect: "x" is not one'),
        (minimal(get=7), 'at /paths/~1a/get: 7 is not of type "object"'),
        (minimal(get={"$ref": "#/x"}), "at /paths/~1a/get: $ref leads nowhere: #/x"),
        (minimal(get={"parameters": 7}), "at /paths/~1a/get/parameters: 7 is not of type"),
        (minimal(get={"parameters": [7]}), "at /paths/~1a/get/parameters/0: 7 is not of type"),
        (minimal(get={"parameters": [{"name": "x"}]}), 'at /paths/~1a/get/parameters/0: "in" is'),
        (parameter(**{"in": "body"}), 'at /paths/~1a/get/parameters/0/in: "body" is not one of'),
        (parameter(style="matrix"), "at /paths/~1a/get/parameters/0: only these styles"),
        (parameter(content={"a/b": {}}), "at /paths/~1a/get/parameters/0/schema: "),
        (parameter(schema={"type": "strin"}), "at /paths/~1a/get/parameters/0/schema/type: "),
        (parameter(schema={"pattern": "(?=a)"}), "at /paths/~1a/get/parameters/0/schema/pattern: "),
        (
            minimal(parameters=[{"name": "i", "in": "path", "schema": {}}], **GET),
            "at /paths/~1a/get: the path has no {i}",
        ),
        (minimal(post={"requestBody": {}}), 'at /paths/~1a/post/requestBody: "content" is a'),
        (
            minimal(post={"requestBody": {"content": {"a/b": {"schema": 7}}}}),
            "at /paths/~1a/post/requestBody/content/a~1b/schema: ",
        ),
        (minimal(get={"servers": [7]}), "at /paths/~1a/get/servers/0: 7 is not of type"),
        (minimal(get={"servers": [{"url": "v1"}]}), "at the top: v1/a: a path must start"),
    ],
)  # fmt: skip
def test_a_description_that_is_none_says_where(
    tmp_path: Path, description: Any, fault: str
) -> None:
    """Before the first request, by a pointer into the file."""
    with pytest.raises(SchemaFault) as caught:
        compile_openapi(Documents(written(tmp_path, a=description)), bodies())
    assert str(caught.value).startswith(fault)


def test_a_base_path_takes_the_place_of_the_servers(tmp_path: Path) -> None:
    """Where the gateway's clients see the API elsewhere."""
    description = {**minimal(**GET), "servers": [{"url": "/v1"}]}
    documents = Documents(written(tmp_path, a=description))
    for base, path in ((None, "/v1/a"), ("/billing/", "/billing/a"), ("/", "/a")):
        rules = compile_openapi(documents, bodies(), base_path=base)
        assert outcome(rules, get(path)) is None
        assert outcome(rules, get("/other/a")) == ("path", 404)


def test_the_nearest_servers_count(tmp_path: Path) -> None:
    """Those of an operation, of its path, of the whole; none at all means no prefix."""
    path = {"servers": [{"url": "/path"}], "get": {}, "put": {"servers": [{"url": "/put"}]}}
    description = {"openapi": "3.1.0", "paths": {"/a": path}, "servers": [{"url": "/top"}]}
    rules = compile_openapi(Documents(written(tmp_path, a=description)), bodies())
    assert outcome(rules, get("/path/a")) is None
    assert outcome(rules, get("/put/a", method="PUT")) is None
    assert outcome(rules, get("/put/a")) == ("method", 405)
    assert outcome(rules, get("/top/a")) == ("path", 404)
    plain = compile_openapi(Documents(written(tmp_path, b=minimal(**GET))), bodies())
    assert outcome(plain, get("/a")) is None


def test_a_description_may_be_in_several_files(tmp_path: Path) -> None:
    """Paths, parameters and schemas, each beside or below the first."""
    path = written(
        tmp_path,
        a={"openapi": "3.1.0", "paths": {"/a/{id}": {"$ref": "paths/one.json"}}},
        paths__one={
            "parameters": [{"$ref": "../shared.json#/parameters/id"}],
            "post": {"requestBody": {"$ref": "../shared.json#/bodies/one"}},
        },
        shared={
            "parameters": {"id": {"name": "id", "in": "path", "schema": {"$ref": "#/types/id"}}},
            "bodies": {
                "one": {"content": {"application/json": {"schema": {"$ref": "#/types/id"}}}}
            },
            "types": {"id": {"type": "integer"}},
        },
    )
    rules = compile_openapi(Documents(path), bodies())
    assert outcome(rules, post(b"1", target="/a/1")) is None
    assert outcome(rules, post(b'"1"', target="/a/1")) == ("schema", 422)
    assert outcome(rules, post(b"1", target="/a/x")) == ("parameter", 422)


_JUNK = st.sampled_from(
    [None, 7, "x", [], {}, True, [7], {"x": 7}, ["x"], {"$ref": "#/paths"}]
).map(copy.deepcopy)


def _places(value: Any, trail: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    found = [trail] if trail else []
    for key in keys:
        found += _places(value[key], (*trail, key))
    return found


@settings(max_examples=300)
@given(data=st.data())
def test_no_mistake_in_a_description_is_more_than_a_fault(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, described: Callable[[], Any]
) -> None:
    """Any value in any place: it compiles, or it says what is wrong."""
    description = described()
    for _ in range(data.draw(st.integers(1, 2))):
        *trail, last = data.draw(st.sampled_from(_places(description)))
        place = description
        for key in trail:
            place = place[key]
        place[last] = data.draw(_JUNK)
    file = tmp_path_factory.getbasetemp() / "mutated.json"
    file.write_text(json.dumps(description))
    try:
        rules = compile_openapi(Documents(file), bodies())
    except SchemaFault:
        return
    for request in (
        get("/v1/invoices?page=1&filter[paid]=1"),
        invoice(b"{}"),
        get("/v1/invoices/7"),
    ):
        outcome(rules, request)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Makes a new copy of the description each time."""
    file = tmp_path_factory.mktemp("api") / "billing.yaml"
    file.write_text(DESCRIPTION)
    text = json.dumps(Documents(file).top.value)
    return lambda: json.loads(text)
