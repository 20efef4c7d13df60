"""What settings amount to."""

from __future__ import annotations

import pytest

from gateway.settings import (
    Live,
    Mirror,
    Route,
    Server,
    Settings,
    Shadow,
    Tls,
    summary,
    validated,
    warnings,
)

ALL = "bodies up to 10MiB, within 10s"


def _settings(*shadows: Shadow, **others: object) -> Settings:
    live = others.pop("live", Live(url="http://live.test"))
    return Settings(live=live, shadows=shadows, **others)  # type: ignore[arg-type]


def _shadow(**values: object) -> Shadow:
    return Shadow(url="http://b", name="b", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shadow", "line"),
    [
        (_shadow(), f"b: 100 % of all requests → http://b ({ALL})"),
        (
            _shadow(percent=2.5, sample_by="cookie:sid"),
            f"b: 2.5 % (by cookie sid) of all requests → http://b ({ALL})",
        ),
        (_shadow(percent=0.0), f"b: 0 % of all requests → http://b ({ALL})"),
        (
            _shadow(methods=("GET", "PUT")),
            f"b: 100 % of GET, PUT requests → http://b ({ALL})",
        ),
        (
            _shadow(routes=("/a", "/b/*"), methods=("GET",)),
            f"b: 100 % of GET requests to /a, /b/* → http://b ({ALL})",
        ),
        (
            _shadow(max_body=1000, timeout=0.25, host="upstream"),
            "b: 100 % of all requests → http://b "
            "(bodies up to 1000 bytes, within 250ms, Host: upstream)",
        ),
        (
            _shadow(mirror_refused=False, mirror_abandoned=False),
            f"b: 100 % of all requests → http://b "
            f"({ALL}, not what live refused, not what clients gave up)",
        ),
    ],
)
def test_a_line_says_what_a_shadow_gets(shadow: Shadow, line: str) -> None:
    """Share, requests, place and limits."""
    assert list(summary(_settings(shadow))) == [line]


def test_routes_without_mirror_are_named() -> None:
    """They are missing from what the shadow gets."""
    routes = (Route(path="/health", mirror=False), Route(path="/a"))
    (line,) = summary(_settings(_shadow(), routes=routes))
    assert "all requests (routes without mirror: /health) →" in line


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        pytest.param(_settings(), "nothing is mirrored: there is no shadow", id="no shadow"),
        pytest.param(
            _settings(_shadow(percent=0.0)),
            "b: gets nothing: percent is 0 (to change it: gateway shadow b --percent P)",
            id="zero",
        ),
        pytest.param(
            _settings(_shadow(), routes=(Route(path="/", mirror=False),)),
            "b: gets nothing: routes with mirror = false cover all its requests",
            id="everything shut",
        ),
        pytest.param(
            _settings(_shadow(), routes=(Route(path="/**", mirror=False),)),
            "b: gets nothing: routes",
            id="everything shut by pattern",
        ),
        pytest.param(
            _settings(_shadow(routes=("/a/x", "/a/b/*")), routes=(Route(path="/a", mirror=False),)),
            "b: gets nothing: routes",
            id="its routes shut",
        ),
        pytest.param(
            _settings(_shadow(), mirror=Mirror(max_queue_bytes=1024)),
            "b: bodies of more than mirror.max_queue_bytes (1KiB) are always dropped",
            id="too large to wait",
        ),
        pytest.param(
            _settings(Shadow(url="https://b", name="b", tls=Tls(verify=False))),
            "shadows[0]: anybody can pass for this upstream (tls.verify = false)",
            id="shadow not verified",
        ),
        pytest.param(
            _settings(_shadow(), live=Live(url="https://a", tls=Tls(verify=False))),
            "live: anybody can pass for this upstream (tls.verify = false)",
            id="live not verified",
        ),
        pytest.param(
            _settings(_shadow(), server=Server(graceful_timeout=5.0)),
            "mirror.drain_timeout is not shorter than server.graceful_timeout",
            id="drain",
        ),
    ],
)
def test_what_looks_like_a_mistake_gets_a_warning(settings: Settings, warning: str) -> None:
    """It is usable, so it is one line and no problem."""
    (found,) = warnings(validated(settings))
    assert found.startswith(warning)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(_settings(_shadow()), id="plain"),
        pytest.param(
            _settings(_shadow(), routes=(Route(path="/a", mirror=False),)), id="one path shut"
        ),
        pytest.param(
            _settings(_shadow(), routes=(Route(path="/", mirror=False, methods=("PUT",)),)),
            id="one method shut",
        ),
        pytest.param(
            _settings(_shadow(), routes=(Route(path="/", mirror=False), Route(path="/a"))),
            id="one path open",
        ),
        pytest.param(
            _settings(
                _shadow(routes=("/a", "/c")),
                routes=(Route(path="/a", mirror=False), Route(path="/b", mirror=False)),
            ),
            id="one of its paths shut",
        ),
        pytest.param(
            _settings(_shadow(routes=("/ab",)), routes=(Route(path="/a", mirror=False),)),
            id="a longer segment",
        ),
        pytest.param(
            _settings(_shadow(routes=("/a/",)), routes=(Route(path="/a/*", mirror=False),)),
            id="one segment of more",
        ),
    ],
)
def test_what_mirrors_something_gets_none(settings: Settings) -> None:
    """A warning that is often wrong is not read."""
    assert list(warnings(validated(settings))) == []
