"""Where figures are kept: what may be said, and what is used where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import SettingsError, load, store_rules
from gateway.settings.formats import store_url_fault
from gateway.settings.store import DEFAULT_URL, Store, store_url


@pytest.mark.parametrize(
    "url",
    [
        "off",
        "sqlite:///gateway.db",
        "sqlite:////var/lib/gateway/gateway.db",
        "postgresql://db/gateway",
        "postgresql://ann:se%40cret@db.test:5432/gateway?sslmode=verify-full",
        "postgresql://ann@[::1]:5432/gateway",
        "postgresql:///gateway",
    ],
)
def test_a_url_of_a_store(url: str) -> None:
    """A file, or PostgreSQL's own form of URL."""
    assert store_url_fault(url) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("gateway.db", "its scheme is none of these"),
        ("mysql://db/gateway", "its scheme is none of these"),
        ("postgres://db/gateway", "write its scheme in full: postgresql"),
        ("postgresql+psycopg://db/gateway", "its scheme is none of these"),
        ("postgresql://db", "the name of the database is missing"),
        ("postgresql://db:x/gateway", "the port must be a number from 1 to 65535"),
        ("sqlite://gateway.db", "three slashes and a file, four where its path is absolute"),
        ("sqlite:///", "three slashes and a file, four where its path is absolute"),
        ("sqlite:///:memory:", "it must be a plain file, which all workers can open"),
        ("sqlite:///x.db?mode=ro", "it must be a plain file, which all workers can open"),
    ],
)
def test_what_is_none_is_told_why(url: str, fault: str) -> None:
    """Without the text: it may have a password."""
    assert store_url_fault(url) == fault


def test_packages_that_are_missing_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a store is asked for. The password is not in the message."""
    monkeypatch.setattr(store_rules, "missing_packages", lambda url: "pip install 'gateway[x]'")
    file = tmp_path / "gateway.toml"
    live = '[live]\nurl = "http://live.test"\n[store]\n'
    file.write_text(live + 'url = "postgresql://ann:hunter2@db/gateway"\n')
    with pytest.raises(SettingsError) as raised:
        load(config=file, environ={}, flags={})
    (problem,) = raised.value.problems
    assert "store.url" in problem
    assert "needs more packages: pip install 'gateway[x]'" in problem
    assert "hunter2" not in problem
    for url in ('url = "off"\n', ""):
        file.write_text(live + url)
        load(config=file, environ={}, flags={})


def test_a_gateway_by_itself_has_a_default() -> None:
    """Unless it is switched off."""
    assert store_url(Store()) == DEFAULT_URL
    assert store_url(Store(url="off")) is None
    assert store_url(Store(url="sqlite:////a.db")) == "sqlite:////a.db"
