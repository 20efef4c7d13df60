"""Text that databases take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.texts import storable


@given(st.text(st.characters(exclude_categories=()), max_size=600))
def test_any_text_becomes_one_that_can_be_stored(text: str) -> None:
    """UTF-8, no NUL, not longer than an index entry may be."""
    stored = storable(text)
    assert "\0" not in stored
    assert len(stored) <= 501
    stored.encode()


def test_ordinary_text_is_kept() -> None:
    """As it is."""
    assert storable("/lines/*/tax €") == "/lines/*/tax €"
