"""Entries are added to a file that belongs to people."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.known.register import Register, RegisterError
from gateway.known.writing import add, entry_text, free_id
from tests.known.test_entry import entry

TEXTS = st.text(min_size=1, max_size=40)


@given(TEXTS, TEXTS, st.text(max_size=40), st.dates(), st.none() | st.integers(0, 2**62))
def test_whatever_an_entry_says_the_file_says_the_same(
    reason: str, owner: str, pattern: str, day: date, limit: int | None
) -> None:
    """Quotes, control characters, other scripts; what has no UTF-8 is a question mark."""
    made = entry(reason=reason, owner=owner, pattern=pattern, expires=day, added=day, limit=limit)
    (read,) = Register.parse(entry_text(made).encode()).entries

    def plain(text: str) -> str:
        return text.encode(errors="replace").decode()

    assert read == msgspec.structs.replace(
        made, reason=plain(reason), owner=plain(owner), pattern=plain(pattern)
    )


def test_the_rest_of_the_file_stays_as_it_was(tmp_path: Path) -> None:
    """Comments, spaces, its mode; through a link, too."""
    file = tmp_path / "real.toml"
    file.write_text("# ours\n\n" + entry_text(entry(id="a")).rstrip("\n"))
    file.chmod(0o640)
    before = file.read_text()
    link = tmp_path / "known.toml"
    link.symlink_to(file)
    add(link, entry(id="b"))
    assert link.is_symlink()
    assert file.read_text() == f"{before}\n\n{entry_text(entry(id='b'))}"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["known.toml", "real.toml"]


def test_a_new_file_says_what_it_is(tmp_path: Path) -> None:
    """And can be read by others, as files under version control can."""
    file = tmp_path / "known.toml"
    add(file, entry())
    assert file.read_text().startswith("# Differences")
    assert file.stat().st_mode & 0o777 == 0o644
    assert len(Register.load(file)) == 1


@pytest.mark.parametrize("case", ["broken", "taken", "folder"])
def test_nothing_is_written_where_it_would_not_be_read(tmp_path: Path, case: str) -> None:
    """A broken file stays broken in the way it was."""
    file = tmp_path / "known.toml"
    if case == "folder":
        file = tmp_path / "none" / "known.toml"
    else:
        file.write_text("[[known]" if case == "broken" else entry_text(entry()))
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(RegisterError, match=str(file)):
        add(file, entry())
    assert (file.read_bytes() if file.exists() else None) == before


def test_several_at_once_lose_none(tmp_path: Path) -> None:
    """Each change begins with what the one before left."""
    file = tmp_path / "known.toml"
    threads = [Thread(target=add, args=(file, entry(id=f"e{n}"))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.id for each in Register.load(file).entries} == {f"e{n}" for n in range(12)}


def test_ids_say_what_they_are_about() -> None:
    """And are free."""
    empty = Register()
    assert free_id(empty, "invoices", "value", "/lines/*/tax") == "invoices-value-lines-tax"
    assert free_id(empty, "<script>", "…") == "script"
    assert free_id(empty, "…") == "known"
    taken = Register([entry(id="known"), entry(id="known-2")])
    assert free_id(taken, "…") == "known-3"
