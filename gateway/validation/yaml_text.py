"""YAML that says what JSON can say: the only kind an API description may be written in.

OpenAPI 3.1 section 4.3 allows YAML 1.2 with JSON's own values. PyYAML reads
YAML 1.1, in which ``no`` is false, ``2026-11-21`` a date, ``010`` eight and
``200`` a number even as a key; here these are texts, ten and a text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_Node = yaml.nodes.Node
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_DEEPEST = 200
_TAGS = tuple(_TAG + name for name in ("str", "seq", "bool", "null"))


class YamlFault(ValueError):
    """Not YAML, or more than JSON can say. The text says where."""


def parse_yaml(text: str) -> Any:
    """The one document in a text. Raises ``YamlFault``."""
    try:
        _check_depth(text)
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise YamlFault(f"{error.problem or error.context}{where}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFault(str(error).partition("\n")[0]) from None


def _check_depth(text: str) -> None:
    """The C library takes its own stack for the nesting, and ends the process at its end."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise YamlFault(f"nested more than {_DEEPEST} levels deep")


class _Loader(_Base):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, Any] = {}
    # None: what is said about any other tag, such as !!timestamp.
    yaml_constructors: dict[str | None, Any] = {
        tag: made for tag, made in _Base.yaml_constructors.items() if tag in (None, *_TAGS)
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        # The keys that stand there, before those that "<<" merges in below them.
        own = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _fault("a key must be a text", key)
            if own.count(key.value) > 1:
                raise _fault(f'the key "{key.value}" stands twice in one object', key)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def _fault(text: str, node: _Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)


def _mapping(loader: _Loader, node: Any) -> Any:
    """In two steps, so that an object may be a part of itself while it is made."""
    made: dict[str, Any] = {}
    yield made
    made.update(loader.construct_mapping(node))


# YAML 1.2.2 section 10.2.1.2, and "<<", which people are used to.
for _name, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)
_Loader.add_constructor(_TAG + "int", lambda _, node: int(node.value))
_Loader.add_constructor(_TAG + "float", lambda _, node: float(node.value))
_Loader.add_constructor(_TAG + "map", _mapping)
