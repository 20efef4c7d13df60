"""One operation of an API: its parameters, and the bodies it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.errors import BadRequest, Unprocessable
from gateway.validation.bodies import JsonBodies
from gateway.validation.media import MediaRules, media_type
from gateway.validation.parameters import Parameter
from gateway.validation.parts import cookie_pairs, header_pairs, query_pairs
from gateway.validation.rejection import Message, Reason, Rejected
from gateway.validation.schema import MOST_ERRORS, Schema
from gateway.validation.styles import Pairs, Where


class NoSchema:
    """Stands for content of which nothing more is said than its type."""


Content = MediaRules[Schema | NoSchema]


class Operation:
    """What requests for one path and method must look like. Any thread may use it."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        bodies: JsonBodies,
        *,
        content: Content | None,
        body_required: bool,
    ) -> None:
        self._parameters = tuple(parameters)
        self._places = frozenset(each.where for each in parameters)
        self._bodies = bodies
        self._content = content
        self._body_required = body_required

    def check(self, request: Message, path_values: Mapping[str, str]) -> None:
        """Raises ``Rejected``: for all wrong parameters together, or else for the body."""
        if self._parameters:
            self._check_parameters(request, path_values)
        if request.body:
            self._check_body(request)
        elif self._body_required:
            raise Rejected(Reason.NO_BODY, BadRequest("Send a body."))

    def _check_parameters(self, request: Message, path_values: Mapping[str, str]) -> None:
        pairs = {place: _pairs(place, request, path_values) for place in self._places}
        errors: list[dict[str, str]] = []
        for parameter in self._parameters:
            errors += parameter.problems(pairs[parameter.where])
        if errors:
            detail = "Parameters are not what this operation takes: see errors."
            raise Rejected(Reason.PARAMETER, Unprocessable(detail, errors[:MOST_ERRORS]))

    def _check_body(self, request: Message) -> None:
        if self._content is None:
            # Nobody said what may be in it, so nobody has looked whether live can take it.
            raise Rejected(Reason.UNEXPECTED_BODY, BadRequest("Send no body."))
        kind = media_type(request.fields)
        schema = self._content.find(kind.essence) if kind else None
        if kind is None or schema is None:
            raise self._content.refusal(request.method)
        if kind.is_json:
            self._bodies.check(request, kind, schema if isinstance(schema, Schema) else None)


def _pairs(place: Where, request: Message, path_values: Mapping[str, str]) -> Pairs:
    if place == "path":
        return list(path_values.items())
    if place == "query":
        return query_pairs(request.target)
    return header_pairs(request.fields) if place == "header" else cookie_pairs(request.fields)
