"""Redaction: what may not be kept is nowhere in what is kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.redacted_fields import CREDENTIALS
from gateway.compare.redacted_json import SECRET_MEMBERS
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Judged
from gateway.forwarded import Client
from gateway.settings.comparison import Compare, Redact
from gateway.shadow.copy import Copy
from tests.compare.making import DOCUMENTS, REQUEST, answer, as_json

SECRET = "hunter2-hunter2"
KEY = b"k" * 32


def judged(request: Copy, live: Answer | None, shadow: Answer | None, **redact: Any) -> Judged:
    """An exchange, compared and redacted."""
    config = Compare(redact=Redact(**redact))
    none = answer()
    comparison = Comparer(config).compare(request, live or none, shadow or none)
    exchange = Judged("s", request, "r", 0.0, live, shadow, comparison)
    return Redactor(config, KEY, extra_fields=("X-Our-Key",)).redacted(exchange)


def kept_of(value: Judged) -> str:
    """All that would be stored, as text."""
    bodies = [value.request.body, *(a.body for a in (value.live, value.answer) if a is not None)]
    return repr(value) + repr([body.decode("latin-1") for body in bodies if body is not None])


def post(body: bytes | str, media: str = "application/json", *fields: tuple[str, str]) -> Copy:
    data = body.encode() if isinstance(body, str) else body
    types = (("Content-Type", media), ("Content-Length", str(len(data))))
    return REQUEST._replace(method="POST", body=data, had_body=True, fields=(*types, *fields))


FIELDS = [
    ("Authorization", f"Bearer {SECRET}"),
    ("authorization", SECRET),
    ("Proxy-Authorization", f"Basic {SECRET}"),
    ("Cookie", f"session={SECRET}; theme={SECRET}"),
    ("Cookie", SECRET),
    ("Set-Cookie", f"session={SECRET}; Path=/"),
    ("X-Api-Key", SECRET),
    ("X-Our-Key", SECRET),
    ("X-Customer", SECRET),
    ("Location", f"/next?token={SECRET}"),
    ("Referer", f"https://user:{SECRET}@host/?api_key={SECRET}&a=1"),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field[0]}-{len(field[1])}")
def test_credentials_in_fields_are_not_kept(field: tuple[str, str]) -> None:
    """Neither in the messages nor in their differences."""
    live, shadow = answer("{}", field), answer("{}", (field[0], field[1] + "x"), ("X-B", "1"))
    kept = judged(REQUEST._replace(fields=(field,)), live, shadow, headers=("x-customer",))
    assert SECRET not in kept_of(kept)
    assert field[0] in kept_of(kept)


def test_what_tells_cookies_apart_is_kept() -> None:
    """Names, attributes and schemes; and equal values are equal."""
    fields = (("Cookie", f"a={SECRET}; b={SECRET}; c="), ("Authorization", f"Bearer {SECRET}"))
    kept = judged(
        REQUEST._replace(fields=fields), None, answer("", ("Set-Cookie", "a=1; HttpOnly"))
    )
    cookie, bearer = (value for _, value in kept.request.fields)
    first, second, third = cookie.split("; ")
    assert first.removeprefix("a=") == second.removeprefix("b=") != ""
    assert third == "c="
    assert bearer.startswith(f"Bearer redacted:text:{len(SECRET)}:")
    assert kept.answer is not None
    assert kept.answer.fields[-1][1].endswith("; HttpOnly")


def test_parameters_are_not_kept() -> None:
    """In targets and in forms; others are."""
    request = post(f"user=me&password={SECRET}&empty=", "application/x-www-form-urlencoded")
    kept = judged(request._replace(target=f"/a?token={SECRET}&page=2"), None, None)
    assert SECRET not in kept_of(kept)
    assert "page=2" in kept.request.target
    assert kept.request.body.startswith(b"user=me&password=redacted:text:")
    assert dict(kept.request.fields)["Content-Length"] == str(len(kept.request.body))


BODIES = {
    "by-name": '{"user": "me", "password": "%s"}',
    "any-way-of-writing": '{"user": "me", "x": [{"Access-Token": "%s"}]}',
    "escaped-name": '{"user": "me", "p\\u0061ssword": "%s"}',
    "by-path": '{"user": "me", "iban": "%s"}',
    "whole-object": '{"user": "me", "card": {"number": "%s", "%s": 1}}',
    "by-index": '{"user": "me", "names": ["%s", 1]}',
    "in-items": '{"user": "me", "people": [{"email": "%s"}, {"email": "%s"}]}',
}
PATHS = ("$.names[0]", "$.iban", "$.card", "$.people[*].email")


@pytest.mark.parametrize("text", BODIES.values(), ids=BODIES)
def test_values_in_json_are_not_kept(text: str) -> None:
    """Of requests and answers, encoded or not, and of their differences."""
    body, other = (text.replace("%s", secret) for secret in (SECRET, SECRET + "x"))
    live = answer(gzip.compress(body.encode()), ("Content-Encoding", "gzip"))
    kept = judged(post(body), live, answer(other), paths=PATHS)
    assert SECRET not in kept_of(kept)
    assert kept.comparison.verdict.value == "body"
    assert kept.comparison.differences
    for difference in kept.comparison.differences:
        assert difference.live != difference.shadow
    assert kept.live is not None
    assert kept.live.body is not None
    assert json.loads(kept.live.body)["user"] == "me"
    assert "Content-Encoding" not in dict(kept.live.fields)


def test_what_is_not_secret_is_kept_as_it_was() -> None:
    """Byte for byte."""
    request = post('{ "a":  1.10 }', "application/json", ("X-A", "1"))
    live, shadow = answer('{"a": 1}'), answer("<p>hello</p>", media="text/html")
    kept = judged(request, live, shadow)
    assert kept.request == request
    assert (kept.live, kept.answer) == (live, shadow)
    assert kept.comparison.differences[-1].live == '{"a": 1}'


UNKNOWN = {
    "text": ("text/plain", SECRET.encode()),
    "multipart": ("multipart/form-data; boundary=x", f"--x\r\n\r\n{SECRET}".encode()),
    "broken-json": ("application/json", b'{"iban": "' + SECRET.encode()),
    "key-twice": ("application/json", f'{{"iban": "{SECRET}", "iban": 1}}'.encode()),
    "broken-coding": ("application/json", SECRET.encode()),
    "large": ("application/json", f'["{SECRET}"]'.encode() + b" " * 300_000),
    "json-without-a-type": ("", f'{{"iban": "{SECRET}"}}'.encode()),
}


@pytest.mark.parametrize(("media", "body"), UNKNOWN.values(), ids=UNKNOWN)
def test_where_paths_are_secret_unreadable_bodies_are_not_kept(media: str, body: bytes) -> None:
    """What is in them nobody knows; excerpts of them are not kept either."""
    coding = (("Content-Encoding", "gzip"),) if body == SECRET.encode() and "json" in media else ()
    live = answer(body, *coding, media=media)
    kept = judged(post(body, media, *coding), live, answer("other", media=media), paths=PATHS)
    assert SECRET not in kept_of(kept)
    assert kept.live is not None
    assert b"redacted:" in (kept.live.body or b"")


def test_names_below_a_secret_place_are_not_kept() -> None:
    """A map of people by address: its pointers would tell them."""
    live, shadow = (f'{{"people": {{"{SECRET}": {age}, "b": {age}}}}}' for age in (1, 2))
    kept = judged(REQUEST, answer(live), answer(shadow), paths=("$.people",))
    assert SECRET not in kept_of(kept)
    assert {each.pointer for each in kept.comparison.differences} == {"/people"}
    assert {each.pattern for each in kept.comparison.differences} == {"/people"}


def test_who_the_client_is_is_not_kept() -> None:
    """Nor what belongs to a trace."""
    request = REQUEST._replace(client=Client("192.0.2.1", "https", "host"), trace=object())
    kept = judged(request, None, None).request
    assert (kept.client, kept.trace) == (Client("", "https", "host"), None)


def test_digests_of_large_bodies_are_keyed_too() -> None:
    """Anybody can make the plain ones."""
    large = Answer(200, (), None, 10**6, 0.1, b"d" * 32)
    kept = judged(REQUEST, large, large)
    assert kept.live is not None
    assert kept.live == kept.answer
    assert kept.live.digest not in {None, b"d" * 32}


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.sampled_from(["$.a", "$..id", "$[*]", "$", "$.a[0].b"]))
def test_equality_survives(live: Any, shadow: Any, path: str) -> None:
    """Bodies that matched match when they are redacted, and those that did not do not."""
    documents = [as_json({"a": each, "id": each}) for each in (live, shadow)]
    kept = judged(REQUEST, answer(documents[0]), answer(documents[1]), paths=(path,))
    assert kept.live is not None
    assert kept.answer is not None
    again = Comparer(Compare()).compare(REQUEST, kept.live, kept.answer)
    assert again.verdict is kept.comparison.verdict


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_redacting_twice_is_redacting_once(live: Any, shadow: Any) -> None:
    """So it does not matter who does it first."""
    paths = ("$.a", "$..id", "$[0]")
    kept = judged(post(as_json(live)), answer(as_json(live)), answer(as_json(shadow)), paths=paths)
    config = Compare(redact=Redact(paths=paths))
    again = Redactor(config, KEY).redacted(kept)
    assert again._replace(live=None, answer=None) == kept._replace(live=None, answer=None)


def test_the_page_lists_what_is_always_redacted() -> None:
    """Fields and members, all of them and nothing else."""
    text = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text()
    for mark, names in (("fields", CREDENTIALS), ("members", SECRET_MEMBERS)):
        listed = text.split(f"<!-- {mark} -->")[1].split("<!-- end -->")[0]
        assert {name.strip("` ").lower() for name in listed.split(",")} == set(names)
