"""CPU per request of the validation middleware, by what it is asked to check.

    python scripts/bench_validation.py [--rounds 20000]

A JSON body of 1 KB, its bytes buffered before: what is measured is the
middleware alone, in this process. The best of three runs counts.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.middleware.validation import Validation
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings.validation import Validation as Config

INVOICE = {
    "id": "inv-0001",
    "customer": {"id": "c-77", "name": "Müller & Söhne", "city": "Köln", "zip": "50667"},
    "currency": "EUR",
    "issued": "2026-11-21",
    "lines": [
        {"sku": f"SKU-{i}", "quantity": i + 1, "price": 19.99, "text": "a thing: of beauty"}
        for i in range(10)
    ],
    "note": "due in 14 days",
}
LINE = {
    "type": "object",
    "required": ["sku", "quantity", "price"],
    "properties": {
        "sku": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "text": {"type": "string", "maxLength": 100},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["id", "customer", "currency", "lines"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^inv-[0-9]+$"},
        "customer": {"type": "object", "properties": {"zip": {"pattern": "^[0-9]{5}$"}}},
        "currency": {"enum": ["EUR", "USD"]},
        "issued": {"format": "date"},
        "lines": {"type": "array", "minItems": 1, "items": LINE},
        "note": {"type": "string"},
    },
}
PARAMETERS = [
    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
    {"name": "page", "in": "query", "schema": {"type": "integer"}},
    {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string"}},
]
BODY = json.dumps(INVOICE, ensure_ascii=False).encode()
BODY_CONTENT = {"application/json": {"schema": {"$ref": "schema.json"}}}
API = {
    "openapi": "3.1.0",
    "paths": {
        "/invoices/{id}": {
            "parameters": PARAMETERS,
            "post": {"requestBody": {"content": BODY_CONTENT}},
        }
    },
}
NAMES = ("Host", "User-Agent", "Accept", "Authorization", "X-Request-Id", "X-Tenant")


def environ(body: bytes, coding: str | None = None) -> dict[str, Any]:
    """What a server tells about a POST, its body read."""
    fields = [(name, "a value of some length") for name in NAMES]
    fields += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    made = {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/invoices/7?page=3",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "gateway.fields": [*fields, ("Content-Encoding", coding)] if coding else fields,
    }
    BufferedRequest.of(made, len(body))
    return made


def answer(environ: Any, start_response: Any) -> list[bytes]:
    return [b"ok"]


def microseconds(app: Any, environ: dict[str, Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        for _ in range(rounds):
            app(environ, lambda status, headers, exc_info=None: None)
        best = min(best, time.process_time() - began)
    return best / rounds * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20_000)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), rounds)


def measure(folder: Path, rounds: int) -> None:
    schema, api = folder / "schema.json", folder / "api.json"
    schema.write_text(json.dumps(SCHEMA))
    api.write_text(json.dumps(API))
    plain, wrong = environ(BODY), environ(BODY.replace(b'"EUR"', b'"DM"'))
    for name, config, asked in (
        ("off", Config(mode="off"), plain),
        ("method and content type", Config(methods=("POST",), content_types=("*/*",)), plain),
        ("JSON", Config(json=True), plain),
        ("JSON Schema", Config(schema=str(schema)), plain),
        ("JSON Schema, gzip", Config(schema=str(schema)), environ(gzip.compress(BODY), "gzip")),
        ("OpenAPI, 3 parameters", Config(openapi=str(api)), plain),
        ("JSON Schema, refused", Config(schema=str(schema)), wrong),
    ):
        app = Validation(answer, RouteTable((), config), max_body=len(BODY))
        print(f"{name:26}{microseconds(app, asked, rounds):6.1f} µs")
    print(f"{'(the body)':26}{len(BODY):6} bytes")


if __name__ == "__main__":
    main()
