"""Rules that are proposed for what always differs."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.compare.verdict import Judged
from gateway.report.suggestions import suggested
from gateway.settings.comparison import Noise
from gateway.store.reader import open_reader
from gateway.store.values import Filter
from tests.support.exchanges import answer, fill, judged, matching, sqlite, wrong

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def noisy(number: int, **more: object) -> list[Judged]:
    """An id and a time that each side makes anew."""
    return [
        judged(
            answer({"id": f"a1b2c3d4e5f6{i:04}", "at": f"2026-11-21T10:00:{i % 60:02}Z", "x": 1}),
            answer({"id": f"f6e5d4c3b2a1{i:04}", "at": f"2026-11-21T10:01:{i % 60:02}Z", "x": 1}),
            **more,  # type: ignore[arg-type]
        )
        for i in range(number)
    ]


def asked(folder: Path, exchanges: list[Judged], rule: Noise = Noise()) -> str:
    with open_reader(fill(sqlite(folder), exchanges)) as reader:
        return suggested(reader, Filter(), rule)


def test_ids_and_times_are_proposed_though_they_differ_together(tmp_path: Path) -> None:
    """As TOML that can be pasted."""
    text = asked(tmp_path, noisy(150, route="default"))
    assert tomllib.loads(text) == {"compare": {"ignore_paths": ["$.at", "$.id"]}}


def test_rules_of_a_route_are_its_own(tmp_path: Path) -> None:
    """Below its table."""
    text = asked(tmp_path, noisy(150, route="orders"))
    assert "[routes.compare]" in text
    assert '"orders"' in text


def test_a_cent_that_is_always_missing_is_questioned(tmp_path: Path) -> None:
    """It differs always and alone, but looks like no id: it is not active."""
    text = asked(tmp_path, wrong(150, route="default"))
    assert tomllib.loads(text) == {"compare": {"ignore_paths": []}}
    assert "a bug?" in text


def test_what_differs_seldom_is_no_noise(tmp_path: Path) -> None:
    """A tenth is less than a fifth."""
    assert asked(tmp_path, [*noisy(20), *matching(180)]) == ""


def test_little_traffic_proposes_nothing(tmp_path: Path) -> None:
    """It could be chance."""
    assert asked(tmp_path, noisy(50)) == ""


def test_what_differs_with_a_status_is_no_noise(tmp_path: Path) -> None:
    """Errors have other bodies; that is no reason to ignore them."""
    failing = [judged(answer({"v": "aaaaaaaa1"}), answer({"v": "bbbbbbbb2"}, 500))] * 150
    assert asked(tmp_path, failing) == ""
