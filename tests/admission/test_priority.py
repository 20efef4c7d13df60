"""Whose request comes first: the route's, however its path is spelled."""

from __future__ import annotations

import pytest

from gateway.admission.priority import Priority, priority_in, priority_table
from gateway.settings.model import Route

TABLE = priority_table(
    [Route(path="/health", priority="high"), Route(path="/reports", priority="low")]
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health", Priority.HIGH),
        ("/invoices", Priority.NORMAL),
        ("/reports/1", Priority.LOW),
        ("/health/../invoices", Priority.NORMAL),
        ("/health/../reports", Priority.LOW),
        ("//health", Priority.NORMAL),
        ("//reports", Priority.LOW),
    ],
)
def test_nobody_gets_ahead_by_spelling_a_path(path: str, expected: Priority) -> None:
    """The lowest counts of all routes that an upstream may take it for."""
    assert priority_in(TABLE, "GET", path) is expected
