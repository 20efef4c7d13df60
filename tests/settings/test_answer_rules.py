"""Rules about compression and CORS."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import SettingsError, answer_rules
from tests.settings.loading import load_text

LIVE = '[live]\nurl = "http://live.test"\n'


@pytest.mark.parametrize(
    ("table", "line", "problem"),
    [
        ("compression", "codings = []", "compression.codings = []: without any nothing"),
        ("cors", "", "cors: no page may read anything"),
        ("cors", "origins = []", "cors.origins = []: no page may read anything"),
        (
            "cors",
            'origins = ["*"]\ncredentials = true',
            'cors.origins = ["*"]: with credentials every origin has to be named',
        ),
    ],
    ids=["no-codings", "no-origins", "empty-origins", "any-origin-with-credentials"],
)
@pytest.mark.parametrize("where", ["", "routes."], ids=["general", "route"])
def test_what_would_do_nothing_or_too_much_stops_the_start(
    table: str, line: str, problem: str, where: str, tmp_path: Path
) -> None:
    """In general and for a route alike."""
    route = '[[routes]]\npath = "/a"\n' if where else ""
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, f"{LIVE}{route}[{where}{table}]\n{line}\n")
    (said,) = caught.value.problems
    assert problem.partition(":")[2] in said
    assert table in said


def test_what_is_switched_off_is_not_looked_at(tmp_path: Path) -> None:
    """A route that has no CORS need not name origins."""
    settings = load_text(tmp_path, f"{LIVE}[cors]\nenabled = false\n")
    assert settings.cors is not None


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_coding_that_is_not_installed_stops_the_start(
    coding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what to install."""
    text = f'{LIVE}[compression]\ncodings = ["gzip", "{coding}"]\n'
    assert load_text(tmp_path, text).compression is not None
    monkeypatch.setattr(answer_rules, "find_spec", lambda name: name == "zlib" or None)
    with pytest.raises(SettingsError, match=r"codings\[1\].*gateway\[codings\]"):
        load_text(tmp_path, text)
