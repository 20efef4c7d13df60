"""Request bodies as those see them who look inside: decoded, and parsed as JSON."""

from __future__ import annotations

from gateway.coding import (
    SUPPORTED,
    BrokenCoding,
    CodingError,
    DecodedTooLarge,
    Limits,
    codings_in,
    decoded,
)
from gateway.errors import BadRequest, BodyTooLarge, Unprocessable, UnsupportedMediaType
from gateway.validation.json_text import JsonText, Parsed
from gateway.validation.media import MediaType
from gateway.validation.rejection import Message, Reason, Rejected
from gateway.validation.schema import Schema

_UNSUPPORTED = [("Accept-Encoding", ", ".join(SUPPORTED))]


class JsonBodies:
    """Reads JSON bodies within limits. Any thread may use it."""

    def __init__(self, limits: Limits, text: JsonText) -> None:
        self.limits = limits
        self.text = text

    def check(self, request: Message, kind: MediaType, schema: Schema | None) -> None:
        """Raises ``Rejected`` for what is not JSON, or not what the schema says."""
        if not kind.is_utf8:
            refusal = UnsupportedMediaType("Send JSON in UTF-8 (RFC 8259 section 8.1).")
            raise Rejected(Reason.CONTENT_TYPE, refusal)
        parsed = self._parsed(request)
        if schema is not None and not schema.accepts(parsed.value):
            errors = schema.errors(parsed.value, parsed.values)
            detail = "The body is not what this operation takes: see errors."
            raise Rejected(Reason.SCHEMA, Unprocessable(detail, errors))

    def _parsed(self, request: Message) -> Parsed:
        body = request.body
        codings = codings_in(request.fields)
        if codings:
            try:
                body = decoded(body, codings, self.limits)
            except CodingError as error:
                raise _rejected(error) from None
        if len(body) > self.limits.max_size:
            detail = f"JSON of more than {self.limits.max_size} bytes is not taken here."
            raise Rejected(Reason.TOO_LARGE, BodyTooLarge(detail))
        return self.text.parse(body)


def _rejected(error: CodingError) -> Rejected:
    if isinstance(error, DecodedTooLarge):
        return Rejected(Reason.TOO_LARGE, BodyTooLarge(str(error)))
    if isinstance(error, BrokenCoding):
        return Rejected(Reason.CONTENT_CODING, BadRequest(str(error)))
    # RFC 9110 section 15.5.16: say which codings would do.
    refusal = UnsupportedMediaType(str(error), headers=_UNSUPPORTED)
    return Rejected(Reason.CONTENT_CODING, refusal)
