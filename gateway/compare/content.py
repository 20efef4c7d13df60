"""Bodies of two answers: as sent, without their codings, as JSON, and else byte for byte.

The cheapest look that decides comes first: most bodies are equal as they were sent.
"""

from __future__ import annotations

from typing import Any

from gateway.coding import CodingError, DecodedTooLarge, Limits, codings_in, decoded
from gateway.compare.answer import Answer
from gateway.compare.excerpts import around_the_difference
from gateway.compare.found import Found
from gateway.compare.json_text import Document, JsonReader, NoJson
from gateway.compare.leaves import Patience
from gateway.compare.media import MediaType, type_of
from gateway.compare.required import missing_places
from gateway.compare.rules import Rules
from gateway.compare.structure import Walk
from gateway.compare.verdict import Difference, Kind, NotCompared, Part

# What JSON may shrink to and still be compared: repeated keys compress very well.
_MAX_RATIO = 100


class Bodies:
    """Compares bodies. ``max_body``: bytes of a decoded one. Any thread may use it."""

    def __init__(self, max_body: int, max_depth: int) -> None:
        self._limits = Limits(max_body, _MAX_RATIO)
        self._max_body = max_body
        self.reader = JsonReader(max_depth)

    def compare(
        self, live: Answer, shadow: Answer, rules: Rules, found: Found, patience: Patience
    ) -> NotCompared | None:
        """Notes where they differ, or says why that is not known. Raises ``TooSlow``."""
        required = bool(rules.required) and live.status // 100 == 2 == shadow.status // 100
        if _same_as_sent(live, shadow) and not required:
            return None
        if live.body is None or shadow.body is None:
            return _beyond_the_cap(live, shadow, rules, found)
        try:
            one, other = self.content(live), self.content(shadow)
        except DecodedTooLarge:
            return None if _same_as_sent(live, shadow) else NotCompared.TOO_LARGE
        except CodingError:
            return None if _same_as_sent(live, shadow) else NotCompared.UNREADABLE
        if one == other and not required:
            return None
        types = type_of(live.fields), type_of(shadow.fields)
        if types[0].is_json or types[1].is_json:
            try:
                documents = self._document(one, types[0]), self._document(other, types[1])
            except NoJson:
                pass  # Then they are texts like any others.
            else:
                self._as_json(documents, rules, found, patience, required=required)
                return None
        _as_text((one, other), types, rules, found, patience)
        return None

    def content(self, answer: Answer) -> bytes:
        """The body without its codings. Raises ``CodingError``."""
        content = decoded(answer.body or b"", codings_in(answer.fields), self._limits)
        if len(content) > self._max_body:
            raise DecodedTooLarge(f"is more than {self._max_body} bytes")
        return content

    def _document(self, content: bytes, media: MediaType) -> Document:
        return self.reader.read(content, media.charset)

    def _as_json(
        self,
        documents: tuple[Document, Document],
        rules: Rules,
        found: Found,
        patience: Patience,
        *,
        required: bool,
    ) -> None:
        live, shadow = documents
        if required:
            for keys in missing_places(shadow.value, rules.required, found):
                found.in_body(Kind.REQUIRED, keys)
        if live.canonical != shadow.canonical:
            encode = self.reader.encode
            Walk(live.value, shadow.value, rules, found, encode=encode, patience=patience).run()


def _same_as_sent(live: Answer, shadow: Answer) -> bool:
    if live.body is None or shadow.body is None:
        same = live.digest is not None and live.digest == shadow.digest
        same = same and live.size == shadow.size
    else:
        same = live.body == shadow.body
    return same and codings_in(live.fields) == codings_in(shadow.fields)


def _beyond_the_cap(live: Answer, shadow: Answer, rules: Rules, found: Found) -> NotCompared | None:
    """Other digests are other bytes. Of JSON, of what is encoded and of what is normalised
    that says nothing.
    """
    if _same_as_sent(live, shadow):
        return None
    unclear = any(
        type_of(answer.fields).is_json or codings_in(answer.fields) for answer in (live, shadow)
    )
    if unclear or rules.body_texts or not _told_apart(live, shadow):
        return NotCompared.TOO_LARGE
    values = _described(live), _described(shadow)
    found.add(Difference(Part.BODY, Kind.CONTENT, "", "", *values))
    return None


def _told_apart(live: Answer, shadow: Answer) -> bool:
    """Whether what is known shows that they differ: two digests, or two sizes, of which one is
    that of a whole body. Of what nobody read to its end there is neither.
    """
    known = [answer.body is not None or answer.digest is not None for answer in (live, shadow)]
    return all(known) or (any(known) and live.size != shadow.size)


def _described(answer: Answer) -> str:
    digest = f", BLAKE2b {answer.digest.hex()[:16]}…" if answer.digest is not None else ""
    return f"{answer.size} bytes{digest}"


def _as_text(
    contents: tuple[bytes, bytes],
    types: tuple[MediaType, MediaType],
    rules: Rules,
    found: Found,
    patience: Patience,
) -> None:
    live, shadow = contents
    if live == shadow:
        return
    if rules.body_texts:
        texts = [
            patience.normalised(_text(content, media), rules.body_texts)
            for content, media in zip(contents, types, strict=True)
        ]
        if texts[0] == texts[1]:
            found.ignored += 1
            return
    values: tuple[Any, Any] = around_the_difference(live, shadow)
    found.add(Difference(Part.BODY, Kind.CONTENT, "", "", *values))


def _text(content: bytes, media: MediaType) -> str:
    """Latin-1 keeps every byte apart from every other; more is not asked of it here."""
    if media.charset in {"", "utf-8", "utf8"}:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
    return content.decode("latin-1")
