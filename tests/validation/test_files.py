"""Files of schemas: what they say, or why nobody can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.validation.files import SchemaFault, read_document


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    """The name tells which it is."""
    for name, text in (
        ("a.json", '{"type": "object"}'),
        ("bom.json", '\ufeff{"type": "object"}'),
        ("a.yaml", "type: object"),
        ("a.yml", "{type: object}"),
        ("schema", '{"type": "object"}'),
    ):
        (tmp_path / name).write_text(text)
        assert read_document(tmp_path / name) == {"type": "object"}


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.json", b'{"a": \n1,}', "not JSON: "),
        ("a.json", b'{"a": 1, "b": {"c": 1, "c": 2}}', 'one object has the key "c" twice'),
        ("a.json", b'{"a": NaN}', "not JSON: it has no NaN"),
        ("a.json", b'{"a": "\xff"}', "the file is not UTF-8"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.yaml", b"a: [", "not YAML: did not find expected"),
        ("a.yaml", b"a: 1\na: 1", 'not YAML: the key "a" stands twice'),
        ("a.yaml", b"[" * 100_000, "not YAML: nested more than 200 levels deep"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, text: bytes, fault: str
) -> None:
    """With the place, where the format has one."""
    (tmp_path / name).write_bytes(text)
    with pytest.raises(SchemaFault) as caught:
        read_document(tmp_path / name)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("none.json", "cannot read this file: No such file or directory"),
        (".", "cannot read this file: Is a directory"),
        ("a\0b", "cannot read this file: "),
        ("/dev/zero", "the file is larger than 33554432 bytes"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path: Path, name: str, fault: str) -> None:
    """Also one that never ends."""
    with pytest.raises(SchemaFault) as caught:
        read_document(tmp_path / name)
    assert str(caught.value).startswith(fault)


def test_without_the_extra_yaml_says_what_to_install(tmp_path: Path) -> None:
    """The core has no YAML parser; JSON it reads all the same."""
    (tmp_path / "a.yaml").write_text("a: 1")
    (tmp_path / "a.json").write_text("{}")
    program = f"""
import sys
from pathlib import Path
sys.modules["yaml"] = sys.modules["jsonschema_rs"] = None
from gateway.validation.files import SchemaFault, read_document
from gateway.validation.compiled import schema_of
for call in (lambda: read_document(Path({str(tmp_path / "a.yaml")!r})),
             lambda: schema_of({str(tmp_path / "a.json")!r}, formats=True)):
    try:
        call()
    except SchemaFault as fault:
        print(fault)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    lines = done.stdout.decode().splitlines()
    assert lines == [
        "YAML needs another package: pip install 'gateway[validation]'",
        "expected a JSON Schema, draft 2020-12: "
        "this needs another package: pip install 'gateway[validation]'",
    ], done.stderr
