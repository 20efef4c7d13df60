"""The files that one schema consists of: the first, and those beside it that it refers to.

All are read when the gateway starts. Nothing is ever fetched: a ``$ref`` to
another host, or to a file outside the first one's folder, is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from gateway.validation.files import SchemaFault, read_document

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# OpenAPI 3.1 section 4.8.24.5: 2020-12 with more annotations.
_DIALECTS = frozenset({DIALECT, "https://spec.openapis.org/oas/3.1/dialect/base"})
_MOST_FILES = 200
_MOST_REFERENCES = 32
# Values under these are data, whatever they look like; but below those the names are free.
_DATA = frozenset({"const", "default", "enum", "example", "examples"})
_NAMED = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties", "schemas"}
)


class Node(NamedTuple):
    """A place in a document. ``pointer``: RFC 6901, from the document's root."""

    uri: str
    pointer: str
    value: Any

    @property
    def location(self) -> str:
        """The place as a URI, for a ``$ref``."""
        return f"{self.uri}#{quote(self.pointer, safe='/~')}"

    def fault(self, text: str) -> SchemaFault:
        """Something is wrong here."""
        return SchemaFault(f"at {self.pointer or 'the top'}: {text}")


class Documents:
    """Files by their URIs, complete: every reference leads to one of them.

    ``keywords``: every key in them that is, or looks like, one of JSON Schema's.
    """

    def __init__(self, path: Path) -> None:
        self.root = path.absolute().as_uri()
        self._folder = urljoin(self.root, ".")
        self.contents: dict[str, Any] = {self.root: read_document(path)}
        self.keywords: set[str] = set()
        self._ids: set[str] = set()
        self._read_the_others()

    @property
    def top(self) -> Node:
        """The first file's root."""
        return Node(self.root, "", self.contents[self.root])

    def _read_the_others(self) -> None:
        wanted: dict[str, str] = {}
        waiting = [self.root]
        while waiting:
            uri = waiting.pop()
            for target in self._references(uri, self.contents[uri]):
                wanted.setdefault(target, uri)
                if target not in self.contents and self._is_ours(target):
                    self._read(target)
                    waiting.append(target)
        for target, uri in wanted.items():
            if target not in self.contents and target not in self._ids:
                raise SchemaFault(self.about(uri) + _not_ours(target))

    def _is_ours(self, uri: str) -> bool:
        # An escaped dot is one only now, after the references were put together.
        return uri.startswith(self._folder) and ".." not in unquote(uri).split("/")

    def _read(self, uri: str) -> None:
        if len(self.contents) >= _MOST_FILES:
            raise SchemaFault(f"refers to more than {_MOST_FILES} files")
        try:
            self.contents[uri] = read_document(Path(url2pathname(urlsplit(uri).path)))
        except SchemaFault as fault:
            raise SchemaFault(f"{self.about(uri)}{fault}") from None

    def about(self, uri: str) -> str:
        """What to write before a fault in a file; the first one goes without saying."""
        return "" if uri == self.root else f"{unquote(uri.removeprefix(self._folder))}: "

    def _references(self, uri: str, document: Any) -> Iterator[str]:
        """Every document that ``$ref`` and the like name, and on the way every ``$id``."""
        todo: list[tuple[str, Any, bool]] = [(uri, document, False)]
        seen: set[int] = set()
        while todo:
            base, value, free = todo.pop()
            if id(value) in seen:  # In YAML an object may be a part of itself.
                continue
            if isinstance(value, list):
                seen.add(id(value))
                todo += [(base, item, False) for item in value]
            elif isinstance(value, dict):
                seen.add(id(value))
                base = self._base(uri, base, value)
                yield from _targets(base, value)
                for name, item in value.items():
                    if free or name not in _DATA:
                        self.keywords.add(name)
                        todo.append((base, item, name in _NAMED and not free))

    def _base(self, uri: str, base: str, value: dict[str, Any]) -> str:
        if isinstance(value.get("$schema"), str):
            dialect = value["$schema"].removesuffix("#")
            if dialect not in _DIALECTS:
                text = f"$schema is {dialect}, expected {DIALECT}"
                raise SchemaFault(self.about(uri) + text)
        if isinstance(value.get("$id"), str):
            base = urldefrag(urljoin(base, value["$id"])).url
            self._ids.add(base)
        return base

    def child(self, node: Node, *names: str | int) -> Node | None:
        """What is below a node, references followed; None if there is nothing."""
        found: Node | None = self.followed(node)
        for name in names:
            found = self.below(found, name) if found else None
            found = self.followed(found) if found else None
        return found

    @staticmethod
    def below(node: Node, *names: str | int) -> Node | None:
        """What is written below a node itself; None if there is nothing."""
        pointer, value = node.pointer, node.value
        for name in names:
            pointer += f"/{escaped(name)}"
            try:
                value = value[name]
            except (KeyError, IndexError, TypeError):
                return None
        return Node(node.uri, pointer, value)

    def followed(self, node: Node) -> Node:
        """Where a reference leads in the end; the node itself if it is none."""
        for _ in range(_MOST_REFERENCES):
            reference = node.value.get("$ref") if isinstance(node.value, dict) else None
            if not isinstance(reference, str):
                return node
            node = self._target(node, reference)
        raise node.fault(f"more than {_MOST_REFERENCES} references lead from one to the next")

    def _target(self, node: Node, reference: str) -> Node:
        uri, fragment = urldefrag(urljoin(node.uri, reference))
        value = self.contents.get(uri)
        for name in _names(unquote(fragment)):
            if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, dict) and name in value:
                value = value[name]
            else:
                raise node.fault(f"$ref leads nowhere: {reference}")
        return Node(uri, unquote(fragment), value)


def _targets(base: str, value: dict[str, Any]) -> Iterator[str]:
    for name in ("$ref", "$dynamicRef"):
        if isinstance(value.get(name), str):
            target = urldefrag(urljoin(base, value[name])).url
            if target != base:
                yield target


def _not_ours(target: str) -> str:
    if target.startswith("file:///"):
        return f"refers to {unquote(urlsplit(target).path)}, outside the folder of the first file"
    return f"refers to {target}; schemas are not fetched: put it beside this file, and refer to it"


def _names(pointer: str) -> list[str]:
    names = pointer.split("/")[1:]
    return [name.replace("~1", "/").replace("~0", "~") for name in names]


def escaped(name: str | int) -> str:
    """One part of a JSON Pointer (RFC 6901 section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")
