"""Schema and OpenAPI files as plain values: JSON, or YAML as far as it says the same.

Read when the gateway starts, and by ``gateway check``. A key that stands twice
in one object is a mistake in any of them: one of the two would not be checked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import GatewayError

try:
    from gateway.validation import yaml_text
except ImportError:  # the extra gateway[validation] is not installed
    yaml_text = None  # type: ignore[assignment]

INSTALL = "pip install 'gateway[validation]'"
# Far above any description of an API; a slip such as /dev/zero ends here.
_LARGEST = 32 * 1024 * 1024

T = TypeVar("T")


class SchemaFault(GatewayError):
    """A schema cannot be used. The text says where in the file, and why."""


def read_document(path: Path) -> Any:
    """What a file says. Raises ``SchemaFault``."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise SchemaFault(f"cannot read this file: {getattr(error, 'strerror', error)}") from None
    if len(data) > _LARGEST:
        raise SchemaFault(f"the file is larger than {_LARGEST} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SchemaFault("the file is not UTF-8") from None
    try:
        return _from_yaml(text) if path.suffix in {".yaml", ".yml"} else _from_json(text)
    except RecursionError:
        raise SchemaFault("nested too deeply") from None


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_json_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SchemaFault(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} ({where})") from None


def _json_object(pairs: list[tuple[str, T]]) -> dict[str, T]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SchemaFault(f"one object has the key {json.dumps(twice)} twice")
    return made


def _no_constant(name: str) -> None:
    raise SchemaFault(f"not JSON: it has no {name}")


def _from_yaml(text: str) -> Any:
    if yaml_text is None:
        raise SchemaFault(f"YAML needs another package: {INSTALL}")
    try:
        return yaml_text.parse_yaml(text)
    except yaml_text.YamlFault as fault:
        raise SchemaFault(f"not YAML: {fault}") from None
