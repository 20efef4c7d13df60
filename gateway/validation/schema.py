"""JSON Schema, draft 2020-12, by the Rust library jsonschema-rs.

Patterns are matched by Rust's ``regex`` engine: finite automata, in time
linear in the text, with no backtracking for a client to provoke. What that
engine does not have (look-around, back-references) is refused at the start.

Saying what is wrong takes far more than finding that something is: the
library collects all errors, each with a copy of what it is about, before it
gives the first (a body of 1 MiB made it take 23 s and 3 GB). So a document is
only explained when it is small.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from gateway.errors import GatewayError
from gateway.validation.documents import Documents, Node, escaped
from gateway.validation.files import INSTALL, SchemaFault

try:
    import jsonschema_rs
except ImportError:  # the extra gateway[validation] is not installed
    jsonschema_rs = None  # type: ignore[assignment]

MOST_ERRORS = 20
# Values in a document up to which all errors are collected.
_EXPLAINED = 256
# With one of these, the first error may have all the errors of its branches in it.
_BRANCHING = frozenset(
    {"anyOf", "oneOf", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
)
# Pointers and details may repeat what a client wrote: they must not grow with it.
_LONGEST = 256
_SUBJECT = "The value"
_TOO_MUCH = "Something in it is not as the schema says; it is too large to say what."


class Schema:
    """A compiled schema. Any thread may use it.

    ``branching``: whether finding even one error may cost more than the document's size.
    """

    def __init__(self, validator: Any, *, branching: bool) -> None:
        self._validator = validator
        self._branching = branching

    def accepts(self, value: Any) -> bool:
        """Whether a value is as the schema says: the one call of nearly every request."""
        try:
            accepted: bool = self._validator.is_valid(value)
        except BaseException as error:
            _end_panic(error)
            raise
        return accepted

    def errors(self, value: Any, values: int) -> list[dict[str, str]]:
        """What is wrong with a value that is not accepted; ``values``: how many are in it."""
        try:
            return self._errors(value, values)
        except BaseException as error:
            _end_panic(error)
            raise

    def _errors(self, value: Any, values: int) -> list[dict[str, str]]:
        if values <= _EXPLAINED:
            found = islice(self._validator.iter_errors(value), MOST_ERRORS)
            return [_described(error) for error in found]
        if self._branching:
            return [{"pointer": "", "detail": _TOO_MUCH}]
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_described(error)]
        return []


class ValidatorFailed(GatewayError):
    """The library failed: a fault of ours, and no more than that."""


def _end_panic(error: BaseException) -> None:
    """A panic in Rust is no ``Exception`` here: no boundary would stop it from ending the
    thread of a request, or its worker. PyO3 hands out no name to catch it by."""
    if type(error).__module__ == "pyo3_runtime":
        raise ValidatorFailed(f"jsonschema-rs panicked: {_first_line(error)}") from error


class Compiler:
    """Compiles the schemas that are somewhere in a set of documents.

    ``formats``: whether ``format`` is checked, or only a remark.
    """

    def __init__(self, documents: Documents, *, formats: bool) -> None:
        if jsonschema_rs is None:
            raise SchemaFault(f"this needs another package: {INSTALL}")
        try:
            self._registry = jsonschema_rs.Registry(
                documents.contents.items(), draft=jsonschema_rs.Draft202012
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise SchemaFault(_first_line(error)) from None
        self._documents = documents
        self._formats = formats
        self._branching = not _BRANCHING.isdisjoint(documents.keywords)

    def compile(self, node: Node) -> Schema:
        """The schema at a place. Raises ``SchemaFault``."""
        try:
            validator = jsonschema_rs.Draft202012Validator(
                {"$ref": node.location} if node.pointer else node.value,
                # With the file's own address the reference would be the file.
                base_uri=None if node.pointer else node.uri,
                registry=self._registry,
                offline=True,
                validate_formats=self._formats,
                pattern_options=jsonschema_rs.RegexOptions(),
                # A value may be a secret; it is known to who sent it, and nobody else.
                mask=_SUBJECT,
            )
        except jsonschema_rs.ValidationError as error:
            raise self._fault(error) from None
        return Schema(validator, branching=self._branching)

    def _fault(self, error: Any) -> SchemaFault:
        """The library does not say in which of several files something is wrong."""
        for uri, content in self._documents.contents.items():
            try:
                jsonschema_rs.meta.validate(content)
            except jsonschema_rs.ValidationError as first:
                return explained(first, file=self._documents.about(uri))
        return explained(error)


def compile_file(documents: Documents, *, formats: bool = True) -> Schema:
    """The schema that a file is."""
    if not isinstance(documents.top.value, (dict, bool)):
        raise SchemaFault("a schema is an object, or true or false")
    return Compiler(documents, formats=formats).compile(documents.top)


def pointer(path: list[str | int]) -> str:
    """A path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{escaped(part)}" for part in path)


def _described(error: Any) -> dict[str, str]:
    where, what = pointer(error.instance_path), error.message
    return {"pointer": _shortened(where), "detail": f"{_shortened(what)}."}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def explained(error: Any, *, below: str = "", file: str = "") -> SchemaFault:
    """What the library found, as a fault in a file."""
    where, what = below + pointer(error.instance_path), error.message
    if error.kind.name == "format" and error.instance_path[-1:] == ["pattern"]:
        what = "not a pattern that can be matched in linear time"
    return SchemaFault(f"{file}at {where or 'the top'}: {_shortened(what)}")


def _first_line(error: BaseException) -> str:
    return _shortened(str(error).partition("\n")[0])
