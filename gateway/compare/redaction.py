"""Takes out of an exchange what may not be kept, before anything else is done with it.

Stands between the verdict and whatever stores, shows or exports: behind it there are no
credentials and none of the values that the settings name. Keyed digests stand in their
place, with type and length, so that "different", "same as elsewhere" and "empty" survive.

A body it cannot look into is kept as a digest only, if the settings name JSON paths:
what is in it nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from gateway.coding import CodingError, Limits, codings_in, decoded
from gateway.compare.answer import Answer
from gateway.compare.digests import Digests
from gateway.compare.json_text import JsonReader, NoJson, in_utf8
from gateway.compare.media import type_of
from gateway.compare.paths import parse_path
from gateway.compare.pointers import keys_in
from gateway.compare.redacted_fields import FieldRedactor
from gateway.compare.redacted_json import JsonRedactor
from gateway.compare.verdict import Comparison, Difference, Judged, Kind, Part
from gateway.forwarded import Client
from gateway.headers import Field
from gateway.settings.comparison import Compare
from gateway.shadow.copy import Copy

_MAX_RATIO = 100


class Redactor:
    """``key``: of the digests; at least 16 bytes, the same in all workers of a gateway.

    ``extra_fields``: names of further fields with credentials (that of API keys).
    Any thread may use it.
    """

    def __init__(self, config: Compare, key: bytes, *, extra_fields: tuple[str, ...] = ()) -> None:
        rules = config.redact
        self._reader = JsonReader(config.max_depth)
        self._digests = Digests(key, self._reader.encode)
        names = (*rules.headers, *extra_fields)
        self._fields = FieldRedactor(names, rules.parameters, self._digests)
        self._json = JsonRedactor(map(parse_path, rules.paths), self._digests)
        self._strict = bool(rules.paths)
        self._limits = Limits(max(config.max_body, 1), _MAX_RATIO)
        # Members in the order they had, not sorted.
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def redacted(self, judged: Judged) -> Judged:
        """The exchange as it may be kept."""
        live = None if judged.live is None else self._answer(judged.live)
        answer = None if judged.answer is None else self._answer(judged.answer)
        untouched = all(
            before is None or after is None or before.body == after.body
            for before, after in ((judged.live, live), (judged.answer, answer))
        )
        excerpts = untouched and not self._strict
        return judged._replace(
            request=self._copy(judged.request),
            live=live,
            answer=answer,
            comparison=self._comparison(judged.comparison, excerpts=excerpts),
        )

    def comparison(self, comparison: Comparison) -> Comparison:
        """What was found, as it may be kept, for whoever keeps nothing else of the exchange."""
        return self._comparison(comparison, excerpts=False)

    def _copy(self, request: Copy) -> Copy:
        body, fields = self._message(request.body, request.fields)
        return request._replace(
            target=self._fields.target(request.target),
            fields=fields,
            body=body,
            client=Client("", request.client.scheme, request.client.host),
            trace=None,
        )

    def _answer(self, answer: Answer) -> Answer:
        digest = None if answer.digest is None else self._digests.digest(answer.digest)
        if answer.body is None:
            return answer._replace(fields=self._fields.fields(answer.fields), digest=digest)
        body, fields = self._message(answer.body, answer.fields)
        return answer._replace(fields=fields, body=body, digest=digest)

    def _message(self, body: bytes, fields: tuple[Field, ...]) -> tuple[bytes, tuple[Field, ...]]:
        kept = self._body(body, fields) if body else body
        if kept != body:
            fields = _of_another_body(fields, len(kept))
        return kept, self._fields.fields(fields)

    def _body(self, body: bytes, fields: tuple[Field, ...]) -> bytes:
        """The body itself, or what is kept in its place."""
        try:
            content = decoded(body, codings_in(fields), self._limits)
        except CodingError:
            return self._hidden(body)
        if len(content) > self._limits.max_size:
            return self._hidden(content)
        media = type_of(fields)
        if media.is_form:
            text = content.decode("latin-1")
            kept = self._fields.form(text)
            return body if kept == text else kept.encode("latin-1")
        if media.is_json or content.lstrip()[:1] in {b"{", b"["}:
            return self._json_body(body, content, media.charset)
        return self._hidden(content) if self._strict else body

    def _json_body(self, body: bytes, content: bytes, charset: str) -> bytes:
        try:
            text = in_utf8(content, charset)
            if not self._json.concerns(text):
                return body
            value = self._reader.read(text).value
        except NoJson:
            return self._hidden(content)
        kept = self._json.document(value)
        return body if kept == value else self._encode(kept)

    def _hidden(self, content: bytes) -> bytes:
        return self._digests.data(content).encode()

    def _comparison(self, comparison: Comparison, *, excerpts: bool) -> Comparison:
        if not comparison.differences and not comparison.drift:
            return comparison
        # What differs below a secret place is one difference of it, however many there are.
        found = {self._key(d): d for d in self._differences(comparison.differences, excerpts)}
        drift = (each._replace(pointer=self._cut(each.pointer)[0]) for each in comparison.drift)
        return comparison._replace(differences=tuple(found.values()), drift=tuple(drift))

    @staticmethod
    def _key(difference: Difference) -> object:
        """Equal for equal ones; values may be of types that cannot be looked up."""
        return repr(difference)

    def _differences(
        self, differences: Iterable[Difference], excerpts: bool
    ) -> Iterator[Difference]:
        for difference in differences:
            if difference.part is Part.HEADERS:
                yield self._of_field(difference)
            elif difference.part is not Part.BODY:
                yield difference
            elif difference.kind is not Kind.CONTENT:
                yield self._of_value(difference)
            elif excerpts:
                yield difference
            else:
                live, shadow = map(self._digests.json, (difference.live, difference.shadow))
                yield difference._replace(live=live, shadow=shadow)

    def _of_field(self, difference: Difference) -> Difference:
        (name, *_) = keys_in(difference.pointer) or [""]
        live, shadow = (
            self._fields.value(name, value) if isinstance(value, str) else value
            for value in (difference.live, difference.shadow)
        )
        return difference._replace(live=live, shadow=shadow)

    def _of_value(self, difference: Difference) -> Difference:
        keys = keys_in(difference.pointer)
        others = keys_in(difference.shadow_pointer or difference.pointer)
        pointer, depth = self._cut(difference.pointer)
        if depth is None:
            return difference._replace(
                live=self._json.below(keys, difference.live),
                shadow=self._json.below(others, difference.shadow),
            )
        elsewhere = difference.shadow_pointer
        pattern = "/".join(difference.pattern.split("/")[: depth + 1])
        live, shadow = map(self._digests.json, (difference.live, difference.shadow))
        return difference._replace(
            pointer=pointer,
            pattern=pattern,
            live=live,
            shadow=shadow,
            shadow_pointer=None if elsewhere is None else self._cut(elsewhere)[0],
        )

    def _cut(self, pointer: str) -> tuple[str, int | None]:
        """A pointer up to the place that is secret: names of members may be so, too."""
        depth = self._json.secret_at(keys_in(pointer))
        return (pointer, None) if depth is None else (_first_steps(pointer, depth), depth)

    def __repr__(self) -> str:
        return f"<Redactor {'of paths' if self._strict else 'of credentials'}>"


def _first_steps(pointer: str, number: int) -> str:
    return "/".join(pointer.split("/")[: number + 1])


def _of_another_body(fields: tuple[Field, ...], length: int) -> tuple[Field, ...]:
    """The fields as they are right for what is kept: without coding, and of its length."""
    kept = []
    for name, value in fields:
        if name.lower() == "content-length":
            kept.append((name, str(length)))
        elif name.lower() != "content-encoding":
            kept.append((name, value))
    return tuple(kept)
