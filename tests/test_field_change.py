"""Taking fields out of a request, for everybody."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.field_change import FieldChange
from gateway.headers import end_to_end, environ_name, received_fields
from gateway.request import BufferedRequest

CHANGE = FieldChange(["X-User", "Authorization"])


def environ_of(fields: list[tuple[str, str]], *, listed: bool) -> dict[str, Any]:
    """As a server makes it; ``listed``: as Gateway's own does."""
    made: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/",
        "SERVER_NAME": "g",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    for name, value in fields:
        key = environ_name(name)
        made[key] = f"{made[key]},{value}" if key in made else value
    if listed:
        made["gateway.fields"] = list(fields)
    return made


def names(environ: dict[str, Any]) -> list[str]:
    return [name.lower().replace("_", "-") for name, _ in BufferedRequest.of(environ, 0).fields]


SPELLINGS = st.sampled_from(["X-User", "x-user", "X_User", "x_uSER", "X-USER", "Authorization"])
FIELDS = st.lists(
    st.tuples(SPELLINGS | st.sampled_from(["Host", "X-Users", "X-Use", "Accept"]), st.just("v")),
    max_size=8,
)


@given(FIELDS, st.booleans(), st.booleans(), st.booleans())
def test_nobody_gets_the_clients_own(
    fields: list[tuple[str, str]], listed: bool, read_before: bool, told: bool
) -> None:
    """Whatever it is spelt like, whoever has read the request before; others stay in order."""
    environ = environ_of(fields, listed=listed)
    request = BufferedRequest.of(environ, 0) if read_before else None
    expected = [n for n in names(environ_of(fields, listed=listed)) if n not in _OURS]
    CHANGE.apply(environ, [("X-User", "alice")] if told else [])
    assert names(environ) == [*expected, *(["x-user"] if told else [])]
    if told:
        assert BufferedRequest.of(environ, 0).fields[-1] == ("X-User", "alice")
    assert environ.get("HTTP_X_USER") == ("alice" if told else None)
    assert "HTTP_AUTHORIZATION" not in environ
    if request is not None:
        assert request is BufferedRequest.of(environ, 0)
        assert request.headers.get("X-User") == ("alice" if told else None)
        assert received_fields(request.environ) == request.fields


_OURS = {"x-user", "authorization"}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "environ only"])
@pytest.mark.parametrize(
    ("connection", "left"),
    [
        ("X-User", ""),
        ("keep-alive, x-user", "keep-alive"),
        ("x-USER , close", " close"),
        ("keep-alive", "keep-alive"),
        ("X-Users", "X-Users"),
    ],
)
def test_what_we_say_is_not_stripped_on_the_way(connection: str, left: str, listed: bool) -> None:
    """A client may name fields in Connection, but not ours (RFC 9110 section 7.6.1)."""
    environ = environ_of([("Host", "h"), ("Connection", connection)], listed=listed)
    CHANGE.apply(environ, [("X-User", "alice")])
    fields = BufferedRequest.of(environ, 0).fields
    assert dict(fields)["Connection"] == left
    assert ("X-User", "alice") in [(environ_spelt(n), v) for n, v in end_to_end(fields)]


def environ_spelt(name: str) -> str:
    return name.title()


def test_the_servers_own_list_is_not_changed() -> None:
    """Others may hold it."""
    fields = [("X-User", "mallory")]
    environ = environ_of(fields, listed=True)
    kept = environ["gateway.fields"]
    CHANGE.apply(environ)
    assert kept == fields
    assert environ["gateway.fields"] == []


def test_nothing_to_do_changes_nothing() -> None:
    """The common request."""
    environ = environ_of([("Host", "h")], listed=True)
    kept = environ["gateway.fields"]
    CHANGE.apply(environ)
    assert environ["gateway.fields"] is kept
    assert repr(CHANGE) == "<FieldChange x-user, authorization>"
