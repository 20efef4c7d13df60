"""How sources lie over each other, and what is filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import (
    HeaderRules,
    Live,
    Request,
    Route,
    Server,
    Settings,
    SettingsError,
    Shadow,
    validated,
)
from tests.settings.loading import LIVE, SHADOW, load_text, load_without_file

ENVIRON = {"GATEWAY_LIVE": "http://live.test"}
TWO_SHADOWS = """
[[shadows]]
url = "http://a.test"
name = "first"
percent = 10
methods = ["GET"]
[[shadows]]
url = "http://b.test/"
name = "second"
timeout = "3s"
"""


def test_defaults_are_those_declared() -> None:
    """With nothing but live."""
    settings = load_without_file(ENVIRON)
    assert settings == Settings(live=Live(url="http://live.test"))
    assert settings.server == Server(bind="127.0.0.1:8000", admin="127.0.0.1:9900")


@pytest.mark.parametrize(
    ("environ", "flags", "workers"),
    [
        pytest.param({}, {}, 5, id="file"),
        pytest.param({"GATEWAY_WORKERS": "6"}, {}, 6, id="environment over file"),
        pytest.param({"GATEWAY_SERVER_WORKERS": "6"}, {}, 6, id="long name over file"),
        pytest.param({"GATEWAY_WORKERS": "6"}, {"workers": "7"}, 7, id="flag over environment"),
        pytest.param({}, {"workers": "7"}, 7, id="flag over file"),
    ],
)
def test_precedence(
    tmp_path: Path, environ: dict[str, str], flags: dict[str, str], workers: int
) -> None:
    """Flags, environment, file; what one does not say comes from the next."""
    text = LIVE + "[server]\nworkers = 5\nthreads = 9\n"
    settings = load_text(tmp_path, text, environ, **flags)
    assert (settings.server.workers, settings.server.threads) == (workers, 9)


def test_a_given_live_keeps_the_other_settings_of_live(tmp_path: Path) -> None:
    """Only the url is replaced."""
    settings = load_text(tmp_path, LIVE + "pool_size = 7\n", live="http://other.test")
    assert settings.live == Live(url="http://other.test", pool_size=7)


@pytest.mark.parametrize("source", ["flag", "environment"])
def test_given_shadows_replace_those_of_the_file(tmp_path: Path, source: str) -> None:
    """But one with the same URL, written differently or not, keeps its settings."""
    urls = ["http://new.test", "http://B.test:80"]
    environ = {"GATEWAY_SHADOW": " ".join(urls)} if source == "environment" else {}
    flags = {"shadow": urls} if source == "flag" else {}
    shadows = load_text(tmp_path, LIVE + TWO_SHADOWS, environ, **flags).shadows
    assert shadows == (
        Shadow(url="http://new.test", name="shadow"),
        Shadow(url="http://b.test/", name="second", timeout=3.0),
    )


def test_flagged_shadows_replace_those_of_the_environment() -> None:
    """They do not add to them."""
    settings = load_without_file({**ENVIRON, "GATEWAY_SHADOW": "http://a"}, shadow=["http://b"])
    assert [shadow.url for shadow in settings.shadows] == ["http://b"]


@pytest.mark.parametrize(
    ("environ", "flags", "percent"),
    [
        pytest.param({"GATEWAY_PERCENT": "5"}, {}, 5.0, id="environment"),
        pytest.param({"GATEWAY_PERCENT": "5"}, {"percent": "7"}, 7.0, id="flag"),
        pytest.param({}, {"percent": 0}, 0.0, id="zero is a number"),
        pytest.param(
            {"GATEWAY_PERCENT": "5"}, {"shadow": ["http://c"]}, 5.0, id="of shadows from flags"
        ),
    ],
)
def test_a_given_percent_is_that_of_every_shadow(
    tmp_path: Path, environ: dict[str, str], flags: dict[str, object], percent: float
) -> None:
    """Whatever each says in the file, and wherever the shadows come from."""
    shadows = load_text(tmp_path, LIVE + TWO_SHADOWS, environ, **flags).shadows
    assert {shadow.percent for shadow in shadows} == {percent}


def test_shadows_without_a_name_get_free_ones(tmp_path: Path) -> None:
    """In order, around the names that are taken."""
    names = ["", 'name = "shadow-2"', 'name = "shadow"', ""]
    text = LIVE + "".join(
        f'[[shadows]]\nurl = "http://{i}.test"\n{name}\n' for i, name in enumerate(names)
    )
    shadows = load_text(tmp_path, text).shadows
    assert [s.name for s in shadows] == ["shadow-3", "shadow-2", "shadow", "shadow-4"]


def test_a_route_without_a_name_is_named_by_its_path(tmp_path: Path) -> None:
    """One with a name keeps it."""
    text = LIVE + '[[routes]]\npath = "/a"\n[[routes]]\npath = "/b"\nname = "bee"\n'
    assert [route.name for route in load_text(tmp_path, text).routes] == ["/a", "bee"]


def test_a_default_limit_follows_that_of_requests(tmp_path: Path) -> None:
    """A shadow's body limit that nobody gave is no contradiction to a lower general one."""
    settings = load_text(tmp_path, SHADOW + '[request]\nmax_body = "1KiB"\n')
    assert settings.shadows[0].max_body == 1024


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every kind of value, in tables, lists of tables and tables in them."""
    text = """
runtime_dir = "/run/gateway"
[live]
url = "http://live.test"
connect_timeout = "250ms"
[[shadows]]
url = "http://shadow.test"
percent = 12.5
methods = ["GET", "POST"]
headers = { remove = ["Cookie"], set = { Authorization = "Bearer x", X-Empty = "" } }
[[routes]]
path = "/reports/**"
mirror = false
[routes.live]
url = "http://reports.test"
read_timeout = "5m"
[request]
max_body = "20MiB"
"""
    assert load_text(tmp_path, text) == Settings(
        runtime_dir="/run/gateway",
        live=Live(url="http://live.test", connect_timeout=0.25),
        shadows=(
            Shadow(
                url="http://shadow.test",
                name="shadow",
                percent=12.5,
                methods=("GET", "POST"),
                headers=HeaderRules(
                    remove=("Cookie",), set={"Authorization": "Bearer x", "X-Empty": ""}
                ),
            ),
        ),
        routes=(
            Route(
                path="/reports/**",
                name="/reports/**",
                mirror=False,
                live=Live(url="http://reports.test", read_timeout=300.0),
            ),
        ),
        request=Request(max_body=20 * 1024 * 1024),
    )


def test_settings_made_in_code_are_completed() -> None:
    """An embedder's settings get names and limits like those of a file."""
    made = Settings(
        live=Live(url="http://live.test"),
        shadows=(Shadow(url="http://a.test"), Shadow(url="http://b.test", name="b")),
        routes=(Route(path="/x"),),
        request=Request(max_body=10),
    )
    ready = validated(made)
    assert [(s.name, s.max_body) for s in ready.shadows] == [("shadow", 10), ("b", 10)]
    assert ready.routes[0].name == "/x"
    assert made.shadows[0].name == ""


def test_settings_made_in_code_are_checked() -> None:
    """msgspec checks no types in constructors, and knows no contradictions."""
    made = Settings(
        live=Live(url="live.test", read_timeout=-1),
        shadows=(Shadow(url="http://a.test", headers=HeaderRules(set={"Host": "secret"})),),
        server=Server(workers="many"),  # type: ignore[arg-type]
    )
    with pytest.raises(SettingsError) as caught:
        validated(made)
    starts = [problem.partition(" = ")[0] for problem in caught.value.problems]
    assert starts == [
        "settings: live.url",
        "settings: live.read_timeout",
        "settings: server.workers",
        "settings: shadows[0].headers.set.Host",
    ]
    assert "secret" not in str(caught.value)
