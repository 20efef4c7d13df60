"""Regular expressions that an upstream's text cannot make run for ever."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.compare import patterns
from gateway.compare.patterns import Pattern, PatternError, TooSlow


def test_what_a_pattern_finds_is_replaced() -> None:
    """Every time, with groups."""
    pattern = Pattern(r"id-(\d+)-[0-9a-f]+", r"id-\1")
    assert pattern.replaced("id-7-ab and id-8-cd", 1.0) == "id-7 and id-8"


@pytest.mark.parametrize(
    ("pattern", "replace"), [("(", ""), ("[a", ""), ("a", r"\1"), ("(a)", r"\g<name>")]
)
def test_a_pattern_that_cannot_be_used_says_so(pattern: str, replace: str) -> None:
    """Also where only the replacement is wrong."""
    with pytest.raises(PatternError, match="cannot be compiled"):
        Pattern(pattern, replace)


def test_a_pattern_stops_when_its_time_is_over() -> None:
    """One that Python's own module would be busy with for years."""
    pattern = Pattern("(a|aa)+$", "")
    began = time.process_time()
    with pytest.raises(TooSlow):
        pattern.replaced("a" * 200 + "b", 0.02)
    assert time.process_time() - began < 1
    with pytest.raises(TooSlow):
        pattern.replaced("", 0)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else needs it."""

    def without(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(patterns, "import_module", without)
    with pytest.raises(PatternError, match=r"pip install 'gateway\[compare\]'"):
        Pattern("a", "")
