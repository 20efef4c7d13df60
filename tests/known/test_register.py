"""The register's file: read strictly, since a mistake must not excuse anything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.known.register import Register, RegisterError
from tests.known.test_entry import group

ONE = """
[[known]]
id = "tax"
pattern = "/lines/*/tax"
reason = "Half cents."
owner = "anna"
expires = 2026-12-31
"""


def test_a_register_is_read(tmp_path: Path) -> None:
    """All fields, and where there is no file there are no entries."""
    file = tmp_path / "known.toml"
    assert len(Register.load(file)) == len(Register.load(None)) == 0
    more = 'added = 2026-01-01\nlimit = 5\nshadow = "s"\nroute = "r"\npart = "body"\nkind = "value"'
    file.write_text(ONE + more)
    (entry,) = Register.load(file).entries
    assert (entry.expires, entry.added, entry.limit) == (date(2026, 12, 31), date(2026, 1, 1), 5)
    assert (entry.shadow, entry.route, entry.part, entry.kind) == ("s", "r", "body", "value")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[[known]", "not valid TOML", id="syntax"),
        pytest.param("[[know]]", "unknown field `know`", id="another table"),
        pytest.param(ONE + "expire = 1", "known 1: Object contains unknown field", id="key"),
        pytest.param(ONE.replace("2026-12-31", "31"), "known 1, expires", id="no day"),
        pytest.param(ONE.replace('"Half cents."', '""'), "known 1, reason", id="no reason"),
        pytest.param(ONE + ONE.replace("expires", "ends"), "known 2", id="the second"),
        pytest.param(ONE + ONE, "'tax' is there twice", id="twice"),
        pytest.param(ONE + "limit = -1", "known 1, limit", id="limit"),
        pytest.param(ONE.replace('"tax"', '"a b"'), "known 1, id", id="id"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """The file's name first."""
    file = tmp_path / "known.toml"
    file.write_text(text)
    with pytest.raises(RegisterError) as error:
        Register.load(file)
    assert str(error.value).startswith(str(file))
    assert said in str(error.value)


def test_a_file_that_cannot_be_read_is_an_error_and_not_an_empty_register(tmp_path: Path) -> None:
    """Only a file that is not there is one without entries."""
    with pytest.raises(RegisterError, match="Is a directory"):
        Register.load(tmp_path)
    (tmp_path / "latin").write_bytes(b"# \xe4")
    with pytest.raises(RegisterError, match="not valid TOML"):
        Register.load(tmp_path / "latin")


def test_the_first_entry_counts_unless_it_has_expired() -> None:
    """So that a new one can be put below an old one."""
    old = ONE.replace("2026", "2025")
    new = ONE.replace('"tax"', '"again"')
    register = Register.parse((old + new).encode())
    here = group("/lines/*/tax")
    first = register.entry_for(here)
    assert first is not None
    assert first.id == "tax"
    current = register.entry_for(here, date(2026, 6, 1))
    assert current is not None
    assert current.id == "again"
    late = register.entry_for(here, date(2027, 6, 1))
    assert late is not None
    assert late.id == "tax"
    assert register.entry_for(group("/other")) is None


def test_the_example_of_the_documentation_is_an_entry() -> None:
    """With every key there is."""
    page = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text()
    block = page.split("```ini\n", 1)[1].split("```", 1)[0]
    (entry,) = Register.parse(block.encode()).entries
    assert all(getattr(entry, name) is not None for name in entry.__struct_fields__)
    listed = page.split("| key | meaning |", 1)[1].split("\n\n", 1)[0]
    for name in entry.__struct_fields__:
        assert f"`{name}`" in listed
