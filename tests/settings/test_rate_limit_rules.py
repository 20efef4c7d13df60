"""Rate limits in the settings: what contradicts is said before the start."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings, rate_limit_rules, to_toml_text
from gateway.settings.rate_limit import Limit
from gateway.settings.show import masked
from tests.settings.loading import LIVE, load_text, problems_in

LIMITS = '[[rate_limit.limits]]\nrates = "5/s"\n'


def text(table: str, rest: str = "") -> str:
    return f"{LIVE}[rate_limit]\n{table}\n{rest}"


FINE = {
    "embedded": text("", LIMITS + 'by = "route"\n' + LIMITS),
    "redis": text('store = "redis"\nredis = "redis://redis.test"', LIMITS),
    "own": text("", '[[routes]]\npath = "/a"\nlimits = [{ rates = "1/s", name = "x" }]\n'),
    "same-names-apart": text(
        "", LIMITS + 'name = "x"\n[[routes]]\npath = "/a"\nlimits = [{ rates = "1/s", name = "x" }]'
    ),
}


@pytest.mark.parametrize("settings", FINE.values(), ids=FINE)
def test_what_fits_has_no_problem(settings: str, tmp_path: Path) -> None:
    """Stores, routes and names."""
    assert problems_in(tmp_path, settings) == []


WRONG = {
    "no-url": (text('store = "redis"'), "needs rate_limit.redis"),
    "url-unused": (text('redis = "redis://redis.test"'), 'has no effect: store is "embedded"'),
    "names": (
        text("", LIMITS + 'name = "x"\n' + LIMITS + 'name = "x"\n'),
        "limits[0] has this name too",
    ),
    "names-of-a-route": (
        text(
            "", '[[routes]]\npath = "/"\nlimits = [{rates="1/s",name="x"},{rates="2/s",name="x"}]'
        ),
        "limits[0] has this name too",
    ),
    "rates": (text("", '[[rate_limit.limits]]\nrates = "5/x"\n'), '"x" is no period'),
    "by": (text("", LIMITS + 'by = "client"\n'), 'expected "identity", "address"'),
    "name": (text("", LIMITS + 'name = "a b"\n'), "expected letters"),
    "memory": (text('memory = "100KiB"'), "from 1MiB to 16GiB"),
    "timeout": (text('redis_timeout = "1s"'), "at most 20ms"),
}


@pytest.mark.parametrize(("settings", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_stops_the_start(settings: str, message: str, tmp_path: Path) -> None:
    """Named, with what is wrong."""
    (problem,) = problems_in(tmp_path, settings)
    assert message in problem


@pytest.mark.parametrize("package", ["limits", "redis"])
def test_redis_without_its_packages_stops_the_start(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says which extra has them."""

    def without(name: str) -> Any:
        return None if name == package else find_spec(name)

    monkeypatch.setattr(rate_limit_rules, "find_spec", without)
    (problem,) = problems_in(tmp_path, FINE["redis"])
    assert "pip install 'gateway[redis]'" in problem


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    """Neither in problems nor in what is printed."""
    url = "redis://:hunter2@redis.test"
    settings = load_text(tmp_path, text(f'store = "redis"\nredis = "{url}"'))
    assert "hunter2" not in to_toml_text(settings)
    assert masked(settings)["rate_limit"]["redis"] == "***"
    for broken in (url + "/x", url + ":x", url + "?a=b", url.replace("@", "")):
        for problem in problems_in(tmp_path, text(f'store = "redis"\nredis = "{broken}"')):
            assert "hunter2" not in problem


def test_a_route_without_limits_is_not_one_that_says_nothing(tmp_path: Path) -> None:
    """Through a file, what is printed of it, and that file again."""
    routes = (
        '[[routes]]\npath = "/a"\nlimits = []\n[[routes]]\npath = "/b"\n[[routes]]\npath = "/c"'
    )
    given = text("", f'{routes}\n[[routes.limits]]\nrates = "1/s"')

    def limits(settings: Settings) -> list[Any]:
        return [route.limits for route in settings.routes]

    settings = load_text(tmp_path, given)
    assert limits(settings) == [(), None, (Limit(rates="1/s"),)]
    assert limits(load_text(tmp_path, to_toml_text(settings))) == limits(settings)
