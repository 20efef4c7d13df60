"""What a request presents."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.presented import Presented, name_and_password
from gateway.auth.proof import NotProven, Reason, Scheme

ALL = (Scheme.API_KEY, Scheme.BASIC, Scheme.JWT)
FIND = Presented("X-Api-Key").find


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HTTP_X_API_KEY": "k"}, (Scheme.API_KEY, "k")),
        ({"HTTP_AUTHORIZATION": "ApiKey k"}, (Scheme.API_KEY, "k")),
        ({"HTTP_AUTHORIZATION": "Basic YTpi"}, (Scheme.BASIC, "YTpi")),
        ({"HTTP_AUTHORIZATION": "bEARER  a.b.c "}, (Scheme.JWT, "a.b.c")),
        ({"HTTP_X_API_KEY": "k", "HTTP_AUTHORIZATION": "Basic YTpi"}, (Scheme.API_KEY, "k")),
        ({"HTTP_X_API_KEY": "k", "HTTP_AUTHORIZATION": "Digest a, b"}, (Scheme.API_KEY, "k")),
        ({"HTTP_X_API_KEY": "", "HTTP_AUTHORIZATION": "Basic YTpi"}, (Scheme.BASIC, "YTpi")),
    ],
    ids=["field", "apikey", "basic", "case and spaces", "first", "other scheme", "empty"],
)
def test_it_is_found(environ: dict[str, str], found: tuple[Scheme, str]) -> None:
    """Wherever it may be; the scheme's name in any case (RFC 9110 section 11.1)."""
    assert FIND(environ, ALL) == found


def test_the_order_of_the_schemes_decides() -> None:
    """One credential counts, the same one every time."""
    environ = {"HTTP_X_API_KEY": "k", "HTTP_AUTHORIZATION": "Basic YTpi"}
    assert FIND(environ, (Scheme.BASIC, Scheme.API_KEY))[0] is Scheme.BASIC


@pytest.mark.parametrize(
    ("environ", "schemes"),
    [
        ({}, ALL),
        ({"HTTP_AUTHORIZATION": ""}, ALL),
        ({"HTTP_AUTHORIZATION": "Digest username=a"}, ALL),
        ({"HTTP_AUTHORIZATION": "Bearer a.b.c"}, (Scheme.API_KEY, Scheme.BASIC)),
        ({"HTTP_X_API_KEY": "k"}, (Scheme.BASIC,)),
    ],
    ids=["nothing", "empty", "unknown", "not taken here", "key not taken here"],
)
def test_what_the_route_does_not_take_is_missing(
    environ: dict[str, str], schemes: tuple[Scheme, ...]
) -> None:
    """However right it is."""
    with pytest.raises(NotProven) as caught:
        FIND(environ, schemes)
    assert caught.value.reason is Reason.MISSING


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_X_API_KEY": "a,b"},
        {"HTTP_X_API_KEY": "a, b"},
        {"HTTP_X_API_KEY": "a b"},
        {"HTTP_X_API_KEY": "\xe4"},
        {"HTTP_X_API_KEY": "a\n"},
        {"HTTP_X_API_KEY": "a", "HTTP_AUTHORIZATION": "ApiKey a"},
        {"HTTP_AUTHORIZATION": "Basic YTpi,Basic YTpi"},
        {"HTTP_AUTHORIZATION": "Bearer a.b.c, Basic YTpi"},
        {"HTTP_AUTHORIZATION": "Bearer a b"},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": "Basic "},
        {"HTTP_AUTHORIZATION": "ApiKey"},
        {"HTTP_AUTHORIZATION": "Basic \xe4"},
    ],
    ids=str,
)
def test_what_is_sent_twice_or_misshapen_is_refused(environ: dict[str, str]) -> None:
    """An upstream might read the other one of two."""
    with pytest.raises(NotProven) as caught:
        FIND(environ, ALL)
    assert caught.value.reason is Reason.MALFORMED


@given(st.text(max_size=60), st.text(max_size=60))
def test_name_and_password_come_out_as_they_went_in(name: str, password: str) -> None:
    """The first colon separates: a password may have more of them."""
    token = base64.b64encode(f"{name.replace(':', '')}:{password}".encode()).decode()
    assert name_and_password(token) == (name.replace(":", ""), password)


@pytest.mark.parametrize(
    "token",
    ["YQ==", "YTpiYQ", "a", "YTpi~", base64.b64encode(b"a:\xff").decode(), "YTpi" * 513],
    ids=["no colon", "padding", "length", "alphabet", "not UTF-8", "too long"],
)
def test_what_is_no_name_and_password_is_malformed(token: str) -> None:
    """And never an error of our own."""
    with pytest.raises(NotProven) as caught:
        name_and_password(token)
    assert caught.value.reason is Reason.MALFORMED


def test_the_field_of_the_key_has_any_name() -> None:
    """As the settings say."""
    assert Presented("X-Customer-Key").find({"HTTP_X_CUSTOMER_KEY": "k"}, ALL)[1] == "k"


@pytest.mark.parametrize(
    ("sent", "by"),
    [("Basic x", True), ("basic x", True), ("Bearer x", False), ("Digest x", False), (None, False)],
)
def test_it_is_known_whose_authorization_is(sent: str | None, by: bool) -> None:
    """One that this route does not check belongs to the upstream."""
    environ = {} if sent is None else {"HTTP_AUTHORIZATION": sent}
    assert Presented("K").by_authorization(environ, (Scheme.BASIC,)) is by
