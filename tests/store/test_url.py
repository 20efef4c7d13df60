"""Which stores there are, and what is shown of them."""

from __future__ import annotations

import pytest

from gateway.store import url as store_url
from gateway.store.url import missing_packages, shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///gateway.db", "sqlite:///gateway.db"),
        ("postgresql://ann:secret@db.test/gateway", "postgresql://ann@db.test/gateway"),
        ("postgresql://ann:a@b:c@db.test:5432/x?password=y", "postgresql://ann@db.test:5432/x"),
        ("postgresql:///gateway", "postgresql:///gateway"),
    ],
)
def test_a_password_is_never_shown(url: str, expected: str) -> None:
    """Nor what follows the question mark."""
    assert shown(url) == expected


@pytest.mark.parametrize(
    ("url", "missing", "expected"),
    [
        ("sqlite:///x", "sqlalchemy", "gateway[store]"),
        ("postgresql://h/x", "sqlalchemy", "gateway[store,postgresql]"),
        ("postgresql://h/x", "psycopg", "gateway[postgresql]"),
    ],
)
def test_it_is_said_what_to_install(
    url: str, missing: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the store that is asked for."""
    monkeypatch.setattr(store_url, "find_spec", lambda name: None if name == missing else object())
    assert missing_packages(url) == f"pip install '{expected}'"


def test_nothing_is_missing_here() -> None:
    """The tests need both."""
    assert missing_packages("sqlite:///x") is missing_packages("postgresql://h/x") is None
