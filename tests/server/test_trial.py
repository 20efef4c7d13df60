"""New settings are tried out where it harms nobody."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import SettingsError
from gateway.runtime import Reload, Runtime
from gateway.server import conf, trial
from gateway.settings import Live, Settings
from gateway.settings.cors import Cors

FINE = Settings(live=Live(url="http://127.0.0.1:1"))
# What a file could not say: it is refused where it is read.
UNFIT = Settings(live=FINE.live, cors=Cors(origins=("*",), credentials=True))


def test_settings_a_gateway_can_be_built_with_have_no_fault() -> None:
    """Whether or not its upstreams are there."""
    assert trial.fault_of(FINE) is None


def test_why_no_gateway_can_be_built_is_told_in_a_line() -> None:
    """The last one of what was said."""
    fault = trial.fault_of(UNFIT)
    assert fault is not None
    assert fault.startswith("a gateway cannot be built with them: ")
    assert "every origin has to be named" in fault


def test_a_trial_does_not_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The master waits for it."""
    monkeypatch.setattr(trial, "_SECONDS", 0.01)
    assert "could not be built with them in 0.01 s" in str(trial.fault_of(FINE))


def test_a_reload_that_fails_its_trial_keeps_the_settings_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """And notes why, for who asked for it."""
    runtime = Runtime.create(str(tmp_path))
    runtime.write_settings(FINE)
    monkeypatch.setenv("GATEWAY_LIVE", "http://127.0.0.1:2")
    monkeypatch.setattr(trial, "fault_of", lambda settings: "no")
    assert conf._reloaded(runtime) == FINE
    assert runtime.last_reload() == Reload(1, ("no",))
    with pytest.raises(SettingsError):
        conf._tried({"GATEWAY_LIVE": "http://127.0.0.1:2"})
    monkeypatch.setattr(trial, "fault_of", lambda settings: None)
    assert conf._reloaded(runtime).live.url == "http://127.0.0.1:2"
    assert runtime.last_reload() == Reload(2)
