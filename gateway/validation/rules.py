"""The rules of a route that are written in the settings: method, fields, type, JSON, schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.errors import BadRequest, MethodNotAllowed
from gateway.headers import Field
from gateway.validation.bodies import JsonBodies
from gateway.validation.media import JSON_RANGES, MediaRules, media_type
from gateway.validation.rejection import Message, Reason, Rejected
from gateway.validation.schema import Schema

# RFC 9110 section 9.3: what these mean is in their body.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Check(Protocol):
    """One route's rules, whatever they come from."""

    def check(self, request: Message) -> None:
        """Raises ``Rejected`` with the first reason why the request does not fit."""


def check_method(method: str, allowed: Sequence[str]) -> None:
    """Raises ``Rejected`` for a method that is not allowed; ``allowed`` has HEAD where it is."""
    if method not in allowed:
        listed = ", ".join(allowed)
        refusal = MethodNotAllowed(f"Allowed here: {listed}.", headers=[("Allow", listed)])
        raise Rejected(Reason.METHOD, refusal)


def check_fields(fields: Sequence[Field], required: Sequence[str]) -> None:
    """Raises ``Rejected`` for the first field that is missing, or empty."""
    given = {name.lower() for name, value in fields if value}
    for name in required:
        if name.lower() not in given:
            raise Rejected(Reason.HEADER, BadRequest(f"Send the header field {name}."))


def with_head(methods: Iterable[str]) -> tuple[str, ...]:
    """HEAD is GET without the content (RFC 9110 section 9.3.2): who allows one allows both."""
    each = dict.fromkeys(methods)
    if "GET" in each:
        each["HEAD"] = None
    return tuple(each)


class PlainRules:
    """The rules of one route. Empty ones allow everything.

    ``json``: bodies that say they are JSON must be. ``schema``: and match it;
    then POST, PUT and PATCH need a body, which must be JSON unless
    ``content_types`` has others.
    """

    def __init__(
        self,
        bodies: JsonBodies,
        *,
        methods: Sequence[str] = (),
        required_headers: Sequence[str] = (),
        content_types: Sequence[str] = (),
        json: bool = False,
        schema: Schema | None = None,
    ) -> None:
        self._bodies = bodies
        self._methods = with_head(methods)
        self._required = tuple(required_headers)
        if schema is not None:
            content_types = content_types or JSON_RANGES
        self._types = MediaRules(dict.fromkeys(content_types, True)) if content_types else None
        self._json = json or schema is not None
        self._schema = schema

    def check(self, request: Message) -> None:
        """Raises ``Rejected`` with the first reason why the request does not fit."""
        if self._methods:
            check_method(request.method, self._methods)
        if self._required:
            check_fields(request.fields, self._required)
        if request.body:
            self._check_body(request)
        elif self._schema is not None and request.method in _WITH_BODY:
            raise Rejected(Reason.NO_BODY, BadRequest("Send a body."))

    def _check_body(self, request: Message) -> None:
        if self._types is None and not self._json:
            return
        kind = media_type(request.fields)
        if self._types is not None and (kind is None or not self._types.find(kind.essence)):
            raise self._types.refusal(request.method)
        if self._json and kind is not None and kind.is_json:
            self._bodies.check(request, kind, self._schema)
