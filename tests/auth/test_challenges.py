"""WWW-Authenticate."""

from __future__ import annotations

import pytest

from gateway.auth.challenges import quoted
from gateway.auth.demand import Demand
from gateway.auth.proof import NotProven, Proof, Reason, Scheme

DEMAND = Demand(["api-key", "basic", "jwt", "basic"], ["write", "read"], realm='the "gate"')


def texts(failure: NotProven, demand: Demand = DEMAND) -> list[str]:
    fields = demand.challenges.fields(failure)
    assert {name for name, _ in fields} <= {"WWW-Authenticate"}
    return [value for _, value in fields]


def test_every_scheme_is_offered_in_a_field_of_its_own() -> None:
    """RFC 9110 section 11.6.1; Bearer without an error where nothing was sent (RFC 6750, 3.1)."""
    assert texts(NotProven(Reason.MISSING, "x")) == [
        r'ApiKey realm="the \"gate\"", field="X-Api-Key"',
        r'Basic realm="the \"gate\"", charset="UTF-8"',
        r'Bearer realm="the \"gate\""',
    ]


def test_a_wrong_token_is_told_what_is_wrong() -> None:
    """And only the scheme that was tried says so."""
    failure = NotProven(Reason.INVALID_TOKEN, "It has expired.", Scheme.JWT)
    *others, bearer = texts(failure)
    assert bearer.endswith('", error="invalid_token", error_description="It has expired."')
    assert not any("error" in text for text in others)


@pytest.mark.parametrize("reason", [Reason.INVALID_KEY, Reason.INVALID_PASSWORD])
def test_a_wrong_key_or_password_gets_the_plain_challenges(reason: Reason) -> None:
    """There is no more to say."""
    scheme = Scheme.API_KEY if reason is Reason.INVALID_KEY else Scheme.BASIC
    assert texts(NotProven(reason, "x", scheme)) == texts(NotProven(Reason.MISSING, "x"))


def test_a_missing_scope_is_named() -> None:
    """RFC 6750 section 3: with the scopes that would do."""
    failure = NotProven(Reason.INSUFFICIENT_SCOPE, "Not you.", Scheme.JWT)
    (bearer,) = texts(failure)
    assert bearer.endswith(
        ', error="insufficient_scope", error_description="Not you.", scope="read write"'
    )


@pytest.mark.parametrize("scheme", [Scheme.API_KEY, Scheme.BASIC])
@pytest.mark.parametrize("reason", [Reason.INSUFFICIENT_SCOPE, Reason.MALFORMED])
def test_nothing_is_asked_for_again_where_it_would_not_help(reason: Reason, scheme: Scheme) -> None:
    """A browser would ask its user for a password that is right already."""
    assert texts(NotProven(reason, "x", scheme)) == []


def test_a_malformed_token_is_an_invalid_request() -> None:
    """RFC 6750 section 3.1."""
    (bearer,) = texts(NotProven(Reason.MALFORMED, "x", Scheme.JWT))
    assert 'error="invalid_request"' in bearer


def test_quotes_are_escaped() -> None:
    """RFC 9110 section 5.6.4."""
    assert quoted('a"b\\') == r'"a\"b\\"'


@pytest.mark.parametrize(
    ("scopes", "enough"),
    [(["read", "write"], True), (["read", "write", "x"], True), (["read"], False), ([], False)],
    ids=str,
)
def test_all_scopes_are_needed(scopes: list[str], enough: bool) -> None:
    """Of whatever scheme the proof is."""
    proof = Proof("a", frozenset(scopes), Scheme.API_KEY)
    if enough:
        DEMAND.check(proof)
        return
    with pytest.raises(NotProven) as caught:
        DEMAND.check(proof)
    assert (caught.value.reason, caught.value.scheme) == (
        Reason.INSUFFICIENT_SCOPE,
        Scheme.API_KEY,
    )
