"""Regular expressions over texts that an upstream chose, within a time limit.

Python's own expressions cannot be stopped: a pattern such as ``(a+)+b`` takes years
for thirty characters made for it. Those of the package regex can, hence the extra.
A leaf: the settings compile patterns with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gateway.errors import GatewayError

MISSING = "needs more packages: pip install 'gateway[compare]'"
# Of one text; each may make it longer by the replacement.
_MOST_REPLACED = 10_000


class PatternError(GatewayError):
    """A pattern that cannot be used. The text says why."""


class TooSlow(GatewayError):
    """A pattern took longer than it may."""


class Pattern:
    """A pattern, and what takes the place of it. Any thread may use it."""

    def __init__(self, pattern: str, replace: str) -> None:
        """Raises ``PatternError``."""
        regex = _regex()
        self.text = pattern
        self._replace = replace
        try:
            self._sub: Any = regex.compile(pattern).sub
            # Whether the replacement is right shows only where something is replaced.
            regex.compile(f"{pattern}|").sub(replace, "")
        except (regex.error, IndexError, RecursionError) as error:
            raise PatternError(f"cannot be compiled: {error}") from None

    def replaced(self, text: str, seconds: float) -> str:
        """The text as it is compared. Raises ``TooSlow`` after some processor time."""
        if seconds <= 0:
            raise TooSlow(self.text)
        try:
            done: str = self._sub(self._replace, text, count=_MOST_REPLACED, timeout=seconds)
        except TimeoutError:
            raise TooSlow(self.text) from None
        return done

    def __repr__(self) -> str:
        return f"<Pattern {self.text!r}>"


def _regex() -> Any:
    """The package, imported with the first pattern: many a host has none to compile."""
    try:
        return import_module("regex")
    except ImportError:  # the extra gateway[compare] is not installed
        raise PatternError(MISSING) from None
