"""What a URL asks about: shadow, route, verdict and time, and the URL that asks for it.

A leaf. The same parameters mean the same on every page and in the API, so that what
somebody looks at can be sent to somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode

from werkzeug.exceptions import UnprocessableEntity

from gateway.compare.verdict import Verdict
from gateway.store.values import Filter

DEFAULT_SINCE = "24h"
# The times that pages offer.
SPANS = MappingProxyType(
    {
        "15m": "15 minutes",
        "1h": "hour",
        "6h": "6 hours",
        "24h": "24 hours",
        "7d": "7 days",
        "30d": "30 days",
    }
)
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_VERDICTS = frozenset(verdict.value for verdict in Verdict)
_EXPECTED = 'a time such as "24h", "2026-03-01T09:30" (UTC), or seconds since 1970'
# Beyond the year 9999 datetime ends.
_LAST = 253402300800.0


class Asked(NamedTuple):
    """The parameters as they were sent, checked; "" where one was left out."""

    shadow: str = ""
    route: str = ""
    verdict: str = ""
    since: str = DEFAULT_SINCE
    until: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Asked:
        """Raises ``UnprocessableEntity`` for what means nothing."""
        given = {name: parameters.get(name, "").strip() for name in cls._fields}
        # A form has two fields for it: one to choose from, and one to write in.
        since = parameters.get("from", "").strip() or given["since"] or DEFAULT_SINCE
        asked = cls(**{**given, "since": since})
        if asked.verdict and asked.verdict not in _VERDICTS:
            known = ", ".join(sorted(_VERDICTS))
            raise UnprocessableEntity(f"verdict is one of {known}.")
        for name in ("since", "until"):
            if getattr(asked, name) and _moment(getattr(asked, name), 0.0) is None:
                raise UnprocessableEntity(f"{name} is {_EXPECTED}.")
        return asked

    def where(self, now: float) -> Filter:
        """The same for the store."""
        return Filter(
            shadow=self.shadow or None,
            route=self.route or None,
            verdict=self.verdict or None,
            since=_moment(self.since, now),
            until=_moment(self.until, now) if self.until else None,
        )

    @property
    def is_span(self) -> bool:
        """Whether it ends now."""
        return _SPAN.fullmatch(self.since) is not None and not self.until

    @property
    def words(self) -> str:
        """The time, as a reader would say it."""
        if self.is_span:
            return f"the last {SPANS.get(self.since) or self.since}"
        return f"{self.since} to {self.until}" if self.until else f"since {self.since}"

    def url(self, path: str, **changed: object) -> str:
        """``path`` asked in the same way, but for what is ``changed``."""
        wanted = {**self._asdict(), **changed}
        if wanted["since"] == DEFAULT_SINCE:
            del wanted["since"]
        given = {name: value for name, value in wanted.items() if value not in ("", None)}
        return f"{path}?{urlencode(given)}" if given else path


def _moment(text: str, now: float) -> float | None:
    """Seconds since the epoch; None for what is no time."""
    span = _SPAN.fullmatch(text)
    if span:
        return now - int(span[1]) * _UNITS[span[2]]
    try:
        moment = float(text) if text[:5].isdigit() else _iso(text)
    except (ValueError, OverflowError):
        try:
            moment = _iso(text)
        except (ValueError, OverflowError):
            return None
    return moment if 0 <= moment < _LAST else None


def _iso(text: str) -> float:
    # Python 3.10 knows no "Z".
    moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def integer(parameters: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number among the parameters. Raises ``UnprocessableEntity``."""
    text = parameters.get(name, "")
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise UnprocessableEntity(f"{name} is a whole number from {least} to {most}.")
    return int(text)


def one_of(parameters: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    """One of some words, the first if none is given. Raises ``UnprocessableEntity``."""
    text = parameters.get(name, "") or words[0]
    if text not in words:
        raise UnprocessableEntity(f"{name} is one of {', '.join(filter(None, words))}.")
    return text
