"""An OpenAPI 3.1 description, compiled: which operation a request is for, and whether it fits.

Looked at: servers (their paths), paths, parameters, request bodies. Not looked
at: security (the authentication's business), responses, callbacks, webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.errors import NotFound
from gateway.target import path_of
from gateway.validation.bodies import JsonBodies
from gateway.validation.documents import Documents, Node
from gateway.validation.media import MediaRules
from gateway.validation.operations import Content, NoSchema, Operation
from gateway.validation.parameters import Parameter, check_style, is_ignored
from gateway.validation.paths import PathTree
from gateway.validation.rejection import Message, Reason, Rejected
from gateway.validation.rules import check_method, with_head
from gateway.validation.schema import Compiler
from gateway.validation.shapes import METHODS, Piece, Shapes

# Of one server's variables; more are a mistake.
_MOST_SERVERS = 100


class _Path(NamedTuple):
    allowed: tuple[str, ...]
    operations: Mapping[str, Operation]


class OpenApiRules:
    """All operations of an API. Any thread may use it."""

    def __init__(self, paths: PathTree[_Path]) -> None:
        self._paths = paths

    def check(self, request: Message) -> None:
        """Raises ``Rejected`` with the first reason why the request does not fit."""
        found = self._paths.find(path_of(request.target))
        if found is None:
            raise Rejected(Reason.PATH, NotFound("This API has no such path."))
        path, values = found
        check_method(request.method, path.allowed)
        path.operations[request.method].check(request, values)


def compile_openapi(
    documents: Documents, bodies: JsonBodies, *, formats: bool = True, base_path: str | None = None
) -> OpenApiRules:
    """The rules of a description. Raises ``SchemaFault``.

    ``base_path``: what goes before its paths, instead of those of its servers.
    """
    return OpenApiRules(_Building(documents, bodies, formats, base_path).paths())


class _Building:
    """What the pieces of one description need while they are compiled."""

    def __init__(
        self, documents: Documents, bodies: JsonBodies, formats: bool, base_path: str | None
    ) -> None:
        self._documents = documents
        self._bodies = bodies
        self._compiler = Compiler(documents, formats=formats)
        self._shapes = Shapes()
        self._base_path = base_path

    def paths(self) -> PathTree[_Path]:
        top = self._documents.top
        self._shapes.check("description", top)
        found: dict[str, dict[str, Operation]] = {}
        for template, item in self._entries(top, "paths", "path"):
            for method in METHODS:
                operation = self._documents.child(item, method)
                if operation is not None:
                    compiled = self._operation(template, item, operation)
                    for base in self._bases(item, operation):
                        found.setdefault(base + template, {})[method.upper()] = compiled
        return _tree(found, top)

    def _entries(self, node: Node, name: str, piece: Piece) -> Iterator[tuple[str, Node]]:
        """What belongs to each name in a mapping; ``x-…`` may be anything."""
        for key in node.value[name]:
            child = self._documents.child(node, name, key)
            if child is not None and not key.startswith("x-"):
                self._shapes.check(piece, child)
                yield key, child

    def _bases(self, item: Node, operation: Node) -> Sequence[str]:
        """The nearest servers count (OpenAPI 3.1 section 4.8.10.1)."""
        if self._base_path is not None:
            return [self._base_path.rstrip("/")]
        for node in (operation, item, self._documents.top):
            servers = self._documents.child(node, "servers")
            if servers is not None and servers.value:
                return list(dict.fromkeys(_bases_of(servers)))
        return [""]

    def _operation(self, template: str, item: Node, operation: Node) -> Operation:
        self._shapes.check("operation", operation)
        parameters = self._parameters(item, operation)
        for each in parameters:
            if each.where == "path" and "{" + each.name + "}" not in template:
                raise operation.fault(
                    f"the path has no {{{each.name}}}, which is a parameter of it"
                )
        content, required = self._body(operation)
        return Operation(parameters, self._bodies, content=content, body_required=required)

    def _parameters(self, item: Node, operation: Node) -> list[Parameter]:
        """Those of the path, and those of the operation, which may replace them."""
        found: dict[tuple[str, str], Node] = {}
        for owner in (item, operation):
            for index in range(len(owner.value.get("parameters", ()))):
                node = self._documents.child(owner, "parameters", index)
                if node is not None:
                    self._shapes.check("parameter", node)
                    check_style(node)
                    found[node.value["in"], node.value["name"]] = node
        return [
            Parameter(self._documents, node, self._compiler, self._bodies.text)
            for node in found.values()
            if not is_ignored(node)
        ]

    def _body(self, operation: Node) -> tuple[Content | None, bool]:
        body = self._documents.child(operation, "requestBody")
        if body is None:
            return None, False
        self._shapes.check("body", body)
        content = {
            media_range: self._documents.below(media, "schema")
            for media_range, media in self._entries(body, "content", "media")
        }
        compiled = {
            media_range: NoSchema() if schema is None else self._compiler.compile(schema)
            for media_range, schema in content.items()
        }
        return MediaRules(compiled), body.value.get("required") is True


def _tree(found: Mapping[str, Mapping[str, Operation]], top: Node) -> PathTree[_Path]:
    tree: PathTree[_Path] = PathTree()
    for template, operations in found.items():
        each = dict(operations)
        if "GET" in each:
            each.setdefault("HEAD", each["GET"])
        try:
            tree.add(template, _Path(with_head(operations), each))
        except ValueError as error:
            raise top.fault(f"{template}: {error}") from None
    return tree


def _bases_of(servers: Node) -> Iterator[str]:
    """The path of each server, once for every value that its variables may have."""
    for server in servers.value:
        variables: dict[str, Any] = server.get("variables", {})
        choices = [
            [(name, str(value)) for value in variable.get("enum", [variable["default"]])]
            for name, variable in variables.items()
        ]
        for number, choice in enumerate(product(*choices)):
            if number == _MOST_SERVERS:
                raise servers.fault("there are too many values of its variables")
            url = server["url"]
            for name, value in choice:
                url = url.replace("{" + name + "}", value)
            yield urlsplit(url).path.rstrip("/")
