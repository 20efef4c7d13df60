"""Request ids."""

from __future__ import annotations

import uuid

import pytest

from gateway.ids import new_request_id, request_id_of


def test_a_new_id_is_a_uuid_version_7_that_sorts_by_time() -> None:
    """RFC 9562 section 5.7."""
    first, second = uuid.UUID(new_request_id()), uuid.UUID(new_request_id())
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first != second
    assert second.int >> 80 >= first.int >> 80


def test_a_well_formed_request_id_of_the_client_is_taken() -> None:
    """So that its own logs can be followed here."""
    assert request_id_of({"HTTP_X_REQUEST_ID": "abc-123"}) == "abc-123"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "a\nb", "ü"])
def test_an_ill_formed_request_id_is_not(bad: str) -> None:
    """It ends up in logs and in a header of the shadow's request."""
    assert request_id_of({"HTTP_X_REQUEST_ID": bad}) != bad


def test_the_trace_id_is_the_second_choice() -> None:
    """W3C Trace Context."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert request_id_of({"HTTP_TRACEPARENT": f"00-{trace}-b7ad6b7169203331-01"}) == trace
    assert request_id_of({"HTTP_TRACEPARENT": f"00-{'0' * 32}-b7ad6b7169203331-01"}) != "0" * 32
