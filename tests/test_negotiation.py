"""Which content coding a client gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.negotiation import negotiate

OFFERED = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        pytest.param(None, None, id="not-sent"),
        pytest.param("", None, id="empty"),
        pytest.param("gzip", "gzip", id="plain"),
        pytest.param("gzip, deflate, br, zstd", "zstd", id="browser-our-order"),
        pytest.param("gzip;q=1.0, br;q=0.5", "gzip", id="client-order"),
        pytest.param("br;q=0.501, gzip;q=0.5", "br", id="thousandths"),
        pytest.param("gzip;q=0", None, id="zero"),
        pytest.param("gzip;q=0.000", None, id="zero-long"),
        pytest.param("gzip;q=0.001", "gzip", id="hardly"),
        pytest.param("*", "zstd", id="star"),
        pytest.param("*;q=0", None, id="star-zero"),
        pytest.param("gzip, *;q=0", "gzip", id="all-others-zero"),
        pytest.param("*, zstd;q=0", "br", id="star-but-one"),
        pytest.param("gzip;q=0, *;q=0.1", "zstd", id="named-wins-over-star"),
        pytest.param("identity", None, id="identity"),
        pytest.param("identity;q=1, gzip;q=0.5", None, id="identity-better"),
        pytest.param("identity;q=0.5, gzip", "gzip", id="identity-worse"),
        pytest.param("identity, gzip", "gzip", id="identity-equal"),
        pytest.param("identity;q=0", None, id="nothing-acceptable-is-no-406"),
        pytest.param("identity;q=0, gzip", "gzip", id="identity-forbidden"),
        pytest.param("compress, deflate", None, id="others-only"),
        pytest.param("GZIP", "gzip", id="case"),
        pytest.param("gzip;Q=0", None, id="case-of-q"),
        pytest.param("x-gzip", "gzip", id="old-name"),
        pytest.param("x-gzip;q=0, gzip", None, id="old-name-refused"),
        pytest.param(" gzip ;\tq=0.5 , br ; q=0.4", "gzip", id="white-space"),
        pytest.param(",, gzip ,", "gzip", id="empty-elements"),
        pytest.param("gzip, gzip;q=0", None, id="twice-least-wins"),
        pytest.param("gzip;q=2", None, id="weight-too-large"),
        pytest.param("gzip;q=1.001", None, id="weight-above-one"),
        pytest.param("gzip;q=0.1234", None, id="weight-too-precise"),
        pytest.param("gzip;q=-1", None, id="weight-negative"),
        pytest.param("gzip;q=nan", None, id="weight-no-number"),
        pytest.param("gzip;q=", None, id="weight-missing"),
        pytest.param("gzip;level=9", None, id="no-weight"),
        pytest.param("gzip;q=0.5;q=1", None, id="weight-twice"),
        pytest.param("gzip;q=٠", None, id="other-digits"),
        pytest.param("gzipped", None, id="prefix"),
        pytest.param("gzip" + ", a" * 500, "gzip", id="long"),
    ],
)
def test_a_client_gets_the_coding_it_likes_best(accepted: str | None, coding: str | None) -> None:
    """RFC 9110 section 12.5.3; in doubt the answer is not encoded."""
    assert negotiate(accepted, OFFERED) == coding


def test_nothing_on_offer_is_nothing_taken() -> None:
    """Whatever the client would take."""
    assert negotiate("*", ()) is None


@given(st.text(alphabet="gzipbrx*,;q=01.5- \t", max_size=40))
def test_a_coding_that_is_refused_by_name_is_never_chosen(noise: str) -> None:
    """Whatever else the field says, and nothing in it is an error."""
    refused = f"{noise},gzip;q=0,br;q=0" if noise else "gzip;q=0,br;q=0"
    assert negotiate(refused, ("br", "gzip")) is None


@given(st.text(max_size=400))
def test_any_text_gets_an_answer(text: str) -> None:
    """One of those on offer, or none."""
    assert negotiate(text, OFFERED) in {None, *OFFERED}
