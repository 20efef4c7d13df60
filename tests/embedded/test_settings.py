"""Settings of an embedded mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import Live, Settings, SettingsError, Shadow
from gateway.embedded.settings import THE_APPLICATION, embedded_settings
from gateway.settings.access_log import AccessLog
from gateway.settings.authentication import Authentication, Jwt
from gateway.settings.compression import Compression
from gateway.settings.floor import Floor
from gateway.settings.model import Route
from gateway.settings.record import Record

TOKENS = Authentication(schemes=("jwt",), jwt=Jwt(secret="x" * 32, algorithms=("HS256",)))
URL = "http://127.0.0.1:9002"


@pytest.mark.parametrize(
    ("shadow", "names"),
    [
        pytest.param(None, [], id="none"),
        pytest.param("", [], id="an empty variable"),
        pytest.param(URL, ["shadow"], id="a URL"),
        pytest.param(Shadow(url=URL, name="a"), ["a"], id="a shadow"),
        pytest.param([URL, Shadow(url=URL + "/b", name="b")], ["shadow", "b"], id="both"),
    ],
)
def test_a_shadow_is_said_in_any_of_these_ways(shadow: Any, names: list[str]) -> None:
    """Live is the application."""
    settings = embedded_settings(shadow)
    assert [each.name for each in settings.shadows] == names
    assert settings.live == THE_APPLICATION


def test_a_file_needs_no_live(tmp_path: Path) -> None:
    """And the share said in code goes over what it says."""
    file = tmp_path / "mirror.toml"
    file.write_text(f'[[shadows]]\nurl = "{URL}"\nname = "next"\npercent = 5\n')
    assert embedded_settings(None, config=file).shadows[0].percent == 5
    assert embedded_settings(None, config=str(file), percent=7).shadows[0].percent == 7


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        pytest.param({"authentication": TOKENS}, "authentication: has no effect", id="jwt"),
        pytest.param({"compression": Compression()}, "compression: has no effect", id="coding"),
        pytest.param({"access_log": AccessLog(to="stdout")}, "access_log: has no", id="log"),
        pytest.param({"floor": Floor(enabled=True)}, "floor: has no effect", id="floor"),
        pytest.param(
            {"record": Record(percent=1, folder=".")}, "record: has no effect", id="recording"
        ),
        pytest.param(
            {"routes": (Route(path="/a", live=Live(url=URL + "/x")),)},
            "routes[0].live: has no effect",
            id="a route's live",
        ),
    ],
)
def test_what_would_silently_do_nothing_stops_the_start(
    changes: dict[str, Any], named: str
) -> None:
    """A host must not believe that it is protected."""
    settings = Settings(live=Live(url="http://127.0.0.1:1"), **changes)
    with pytest.raises(SettingsError) as raised:
        embedded_settings(URL, settings=settings)
    assert named in str(raised.value)


def test_a_wrong_url_stops_the_start() -> None:
    """Where the host sees it: at its start."""
    with pytest.raises(SettingsError):
        embedded_settings("billing-next:8000")
