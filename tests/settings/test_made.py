"""Settings from a constructor's arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import Live, Settings, SettingsError, Shadow
from gateway.settings.made import settings_for

LIVE, SHADOW = "http://127.0.0.1:9001", "http://127.0.0.1:9002"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"live": LIVE, "shadows": [SHADOW]}, id="URLs"),
        pytest.param({"live": Live(url=LIVE), "shadows": (Shadow(url=SHADOW),)}, id="values"),
        pytest.param(
            {"settings": Settings(live=Live(url=LIVE), shadows=(Shadow(url=SHADOW),))},
            id="settings",
        ),
        pytest.param(
            {"settings": Settings(live=Live(url=SHADOW)), "live": LIVE, "shadows": [SHADOW]},
            id="in place of those of the settings",
        ),
    ],
)
def test_all_ways_come_to_the_same(given: dict[str, Any]) -> None:
    """Checked and completed as loaded ones."""
    settings = settings_for(**given)
    assert settings == settings_for(live=LIVE, shadows=[SHADOW])
    assert (settings.live.url, settings.shadows[0].name) == (LIVE, "shadow")


def test_a_file_is_read_and_the_environment_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the host's."""
    monkeypatch.setenv("GATEWAY_LIVE", "http://127.0.0.1:1")
    file = tmp_path / "g.toml"
    file.write_text(f'[live]\nurl = "{LIVE}"\n[[shadows]]\nurl = "{SHADOW}"\n')
    assert settings_for(config=file) == settings_for(live=LIVE, shadows=[SHADOW])
    assert settings_for(config=str(file), percent=3).shadows[0].percent == 3


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"settings": Settings(live=Live(url=LIVE)), "config": "x"}, id="both"),
        pytest.param({"live": "127.0.0.1:9001"}, id="no URL"),
        pytest.param({"live": LIVE, "shadows": [LIVE]}, id="a shadow that is live"),
        pytest.param({"live": LIVE, "shadows": [SHADOW], "percent": 101.0}, id="out of range"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, Any]) -> None:
    """Before anything is started."""
    with pytest.raises(SettingsError):
        settings_for(**given)
