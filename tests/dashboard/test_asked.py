"""What a URL asks about."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import UnprocessableEntity

from gateway.admin.dashboard.asked import Asked, integer, one_of

NOW = 1_772_350_200.0  # 2026-03-01 07:30 UTC


@pytest.mark.parametrize(
    ("text", "since"),
    [
        pytest.param("15m", NOW - 900, id="minutes"),
        pytest.param("6h", NOW - 21600, id="hours"),
        pytest.param("7d", NOW - 604800, id="days"),
        pytest.param("2026-03-01T07:00", NOW - 1800, id="a form's"),
        pytest.param("2026-03-01T07:00:00Z", NOW - 1800, id="RFC 3339"),
        pytest.param("2026-03-01T08:00:00+01:00", NOW - 1800, id="another zone"),
        pytest.param("2026-03-01", NOW - 27000, id="a day"),
        pytest.param(str(NOW), NOW, id="seconds"),
        pytest.param("", NOW - 86400, id="none"),
    ],
)
def test_times(text: str, since: float) -> None:
    """UTC, unless they say otherwise."""
    where = Asked.of({"since": text}).where(NOW)
    assert (where.since, where.until) == (since, None)


def test_a_form_has_two_fields_for_when_it_begins() -> None:
    """What was written wins over what was chosen."""
    asked = Asked.of({"since": "24h", "from": "2026-03-01T07:00", "until": "2026-03-01T07:15"})
    where = asked.where(NOW)
    assert (where.since, where.until) == (NOW - 1800, NOW - 900)
    assert not asked.is_span


@pytest.mark.parametrize(
    "sent",
    [
        {"since": "yesterday"},
        {"since": "0m"},
        {"since": "-1h"},
        {"until": "99999999999999"},
        {"since": "1e999"},
        {"since": "9999-12-31T23:59:59-12:00"},
        {"verdict": "wrong"},
    ],
    ids=str,
)
def test_what_means_nothing_is_said(sent: dict[str, str]) -> None:
    """With the name of the parameter."""
    with pytest.raises(UnprocessableEntity) as error:
        Asked.of(sent)
    assert next(iter(sent)) in (error.value.description or "")


@given(st.text(), st.text(), st.sampled_from(["", "match", "body"]))
def test_a_url_asks_for_the_same(shadow: str, route: str, verdict: str) -> None:
    """Whatever routes are called."""
    asked = Asked.of({"shadow": shadow, "route": route, "verdict": verdict, "since": "6h"})
    sent = parse_qs(urlsplit(asked.url("/groups")).query)
    assert Asked.of({name: values[0] for name, values in sent.items()}) == asked


def test_urls_are_as_short_as_can_be() -> None:
    """Defaults are left out, changes taken."""
    assert Asked().url("/") == "/"
    assert Asked(route="a b").url("/groups", show="all", example=None) == (
        "/groups?route=a+b&show=all"
    )


def test_numbers_and_words() -> None:
    """Within bounds, and known."""
    assert integer({}, "limit", 50, 1, 500) == 50
    assert integer({"limit": "7"}, "limit", 50, 1, 500) == 7
    assert one_of({}, "order", ("count", "last_seen")) == "count"
    for text in ("0", "501", "x", "-1", "1.5", "٣"):
        with pytest.raises(UnprocessableEntity):
            integer({"limit": text}, "limit", 50, 1, 500)
    with pytest.raises(UnprocessableEntity):
        one_of({"order": "random"}, "order", ("count", "last_seen"))
