"""Files that refer to each other, and to nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.validation.documents import Documents
from gateway.validation.files import SchemaFault


def written(folder: Path, **files: Any) -> Path:
    """Files named ``sub__name`` for sub/name.json; the path of the first."""
    paths = []
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        paths.append(path)
    return paths[0]


def fault(folder: Path, **files: Any) -> str:
    with pytest.raises(SchemaFault) as caught:
        Documents(written(folder, **files))
    return str(caught.value).replace(folder.as_uri(), "file://…").replace(str(folder), "…")


def names(documents: Documents) -> set[str]:
    return {uri.rpartition("/")[2] for uri in documents.contents}


def test_files_beside_and_below_are_read(tmp_path: Path) -> None:
    """Once each, also when they refer back; JSON and YAML, with any characters in a name."""
    (tmp_path / "ü b.yaml").write_text("$ref: a.json#/x")
    path = written(
        tmp_path,
        a={"items": [{"$ref": "sub/b.json"}, {"$ref": "%C3%BC%20b.yaml#/y"}]},
        sub__b={"$ref": "../a.json", "not": {"$ref": "c.json#anchor"}},
        sub__c={"$dynamicRef": "#x"},
    )
    assert names(Documents(path)) == {"a.json", "b.json", "c.json", "%C3%BC%20b.yaml"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://schemas.test/a.json"},
        {"properties": {"x": {"$ref": "http://schemas.test/a.json#/x"}}},
        {"$dynamicRef": "https://schemas.test/a.json"},
        {"$id": "https://schemas.test/b.json", "$ref": "a.json"},
        {"$ref": "//schemas.test/a.json"},
    ],
    ids=["https", "nested", "dynamic", "by $id", "without scheme"],
)
def test_nothing_is_fetched(tmp_path: Path, schema: Any) -> None:
    """A start must not depend on another host, nor tell it that there is a gateway."""
    text = fault(tmp_path, a=schema)
    assert "schemas.test/a.json" in text
    assert "not fetched" in text or "outside the folder" in text


@pytest.mark.parametrize(
    "reference",
    ["../x.json", "/etc/hostname", "file:///etc/hostname", "sub/../../x.json", "%2e%2e/x.json"],
)
def test_files_elsewhere_are_not_read(tmp_path: Path, reference: str) -> None:
    """A schema from somebody else must not make the gateway read what it likes."""
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(SchemaFault):
        Documents(written(tmp_path / "schemas", a={"$ref": reference}))


def test_a_file_that_is_missing_is_named_with_who_wants_it(tmp_path: Path) -> None:
    """The settings name the first file; the others only the fault can name."""
    text = fault(tmp_path, a={"$ref": "sub/b.json"}, sub__b={"$ref": "c.json"})
    assert text == "sub/c.json: cannot read this file: No such file or directory"
    assert fault(tmp_path, a={"$ref": "b.json"}, b="{").startswith("b.json: not JSON: ")


def test_a_bundle_refers_to_what_is_in_it(tmp_path: Path) -> None:
    """By the ``$id`` of an embedded schema, no matter what it looks like."""
    schema = {
        "$id": "https://schemas.test/a.json",
        "$ref": "b.json",
        "$defs": {"b": {"$id": "b.json", "type": "integer"}},
    }
    assert names(Documents(written(tmp_path, a=schema))) == {"a.json"}


def test_data_is_no_reference(tmp_path: Path) -> None:
    """Only where a schema may be; a property may have any name."""
    schema = {
        "const": {"$ref": "none.json"},
        "examples": [{"$ref": "none.json"}],
        "properties": {"$ref": {"type": "string"}, "default": {"$ref": "b.json"}},
    }
    assert names(Documents(written(tmp_path, a=schema, b={}))) == {"a.json", "b.json"}


@pytest.mark.parametrize(
    "dialect", ["http://json-schema.org/draft-07/schema#", "https://example.test/mine"]
)
def test_other_dialects_are_refused(tmp_path: Path, dialect: str) -> None:
    """Their keywords mean other things, and would be checked wrongly or not at all."""
    text = fault(tmp_path, a={"$ref": "b.json"}, b={"$schema": dialect})
    assert text.startswith(f"b.json: $schema is {dialect.removesuffix('#')}, expected")


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    """Each one may name more."""
    files: dict[str, Any] = {f"f{i}": {"$ref": f"f{i + 1}.json"} for i in range(250)}
    assert fault(tmp_path, **files) == "refers to more than 200 files"


def test_an_object_that_is_part_of_itself_ends_the_search(tmp_path: Path) -> None:
    """YAML can say that."""
    (tmp_path / "a.yaml").write_text("properties: &p {x: {properties: *p}}")
    assert names(Documents(tmp_path / "a.yaml")) == {"a.yaml"}


def test_places_are_found_through_references(tmp_path: Path) -> None:
    """Across files; the pointer is that of the place itself."""
    documents = Documents(
        written(
            tmp_path,
            a={"x": {"$ref": "b.json#/a~1b/1"}, "list": [{"$ref": "#/x"}]},
            b={"a/b": [0, {"y": {"$ref": "#/z%20z"}}], "z z": {"w": 7}},
        )
    )
    node = documents.child(documents.top, "list", 0, "y", "w")
    assert node is not None
    assert (node.value, node.pointer) == (7, "/z z/w")
    assert node.location.endswith("b.json#/z%20z/w")
    assert documents.child(documents.top, "x", "none", "y") is None
    assert documents.child(documents.top, "list", 3) is None


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"a": {"$ref": "#/none"}}, "at /a: $ref leads nowhere: #/none"),
        ({"a": {"$ref": "#/b/x"}, "b": [1]}, "at /a: $ref leads nowhere: #/b/x"),
        ({"a": {"$ref": "#/a"}}, "at /a: more than 32 references lead from one to the next"),
    ],
)
def test_a_reference_to_nothing_is_named(tmp_path: Path, schema: Any, text: str) -> None:
    """So is one that goes round in a circle."""
    documents = Documents(written(tmp_path, a=schema))
    with pytest.raises(SchemaFault) as caught:
        documents.child(documents.top, "a")
    assert str(caught.value) == text
