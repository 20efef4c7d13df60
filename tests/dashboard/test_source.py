"""Where figures come from, and what is said while there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.admin.dashboard import source as module
from gateway.admin.dashboard.source import Source, Unavailable
from gateway.known.register import RegisterError
from gateway.settings import Settings, load
from tests.dashboard.conftest import config_of
from tests.dashboard.filling import TAX, Made, fill


def settings(folder: Path, made: Made | None, more: str = "") -> Settings:
    (folder / "gateway.toml").write_text(config_of(made, None, more))
    return load(config=folder / "gateway.toml", environ={}, flags={})


def why(source: Source) -> Unavailable:
    with pytest.raises(Unavailable) as error:
        with source.reading() as reader:
            reader.summary()
    return error.value


def test_a_store_that_is_off_is_said(tmp_path: Path) -> None:
    """With the setting."""
    found = why(Source(settings(tmp_path, None)))
    assert (found.word, found.waiting) == ("off", False)
    assert "store.url" in found.text


def test_packages_that_are_missing_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs them."""
    monkeypatch.setattr(module, "missing_packages", lambda url: "pip install 'gateway[store]'")
    found = why(Source(settings(tmp_path, Made(f"sqlite:///{tmp_path}/x.db", 0))))
    assert found.word == "packages"
    assert "pip install 'gateway[store]'" in found.text


def test_a_store_that_is_not_there_yet_is_no_fault_and_found_once_it_is(tmp_path: Path) -> None:
    """Without a restart."""
    source = Source(settings(tmp_path, Made(f"sqlite:///{tmp_path}/x.db", 0)))
    found = why(source)
    assert (found.word, found.waiting) == ("empty", True)
    fill(tmp_path / "x.db", 1_772_350_200.0)
    with source.reading() as reader:
        assert reader.summary().live_requests > 0
    source.close()


def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Live is not affected, and that is said too."""
    (tmp_path / "x.db").write_text("no database, but some text that is long enough" * 100)
    found = why(Source(settings(tmp_path, Made(f"sqlite:///{tmp_path}/x.db", 0))))
    assert found.word == "store"
    assert "Live traffic is not affected" in found.text


def test_the_register_is_read_again_when_it_changes(made: Made, tmp_path: Path) -> None:
    """At once; what the store says of it, every few seconds."""
    now = [made.now]
    source = Source(settings(tmp_path, made, '[compare]\nknown = "known.toml"'), lambda: now[0])
    assert source.standing().entries == ()
    entry = f'[[known]]\nid = "a"\npattern = "{TAX.pattern}"\nreason = "r"\nowner = "o"\n'
    (tmp_path / "known.toml").write_text(entry + "expires = 9999-01-01\n")
    first = source.standing()
    assert first.entries[0].hits == 100
    assert source.standing() is first
    now[0] += 60
    assert source.standing() is not first
    (tmp_path / "known.toml").write_text("[[known]]")
    with pytest.raises(RegisterError):
        source.standing()
    empty, problem = source.standing_or_none()
    assert empty.entries == ()
    assert "known.toml" in problem
    source.close()


def test_the_register_is_there_without_a_store(tmp_path: Path) -> None:
    """Nothing is known to be hit."""
    more: Any = '[compare]\nknown = "known.toml"'
    (tmp_path / "known.toml").write_text(
        '[[known]]\nid = "a"\npattern = "/a"\nreason = "r"\nowner = "o"\nexpires = 9999-01-01\n'
    )
    (entry,) = Source(settings(tmp_path, None, more)).standing().entries
    assert entry.state.value == "never hit"
