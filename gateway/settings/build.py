"""From what the sources say to one ``Settings`` value.

It is built although values are missing or wrong, with defaults (or something
empty) in their place, so that the rules can still look at all the rest. Such a
value never leaves ``load()``: by then its problem is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, inspect

from gateway.settings.declared import Key, Setting, settings_of
from gateway.settings.model import Settings
from gateway.settings.problems import Place, Problems
from gateway.settings.tree import WRONG, Leaf, Node, Rows, Table
from gateway.settings.values import expected

_HINTS: Mapping[Key, str] = MappingProxyType(
    {
        ("live", "url"): "give the live upstream as --live URL, as GATEWAY_LIVE=URL, "
        'or in the settings file (--config FILE) as [live] url = "http://…"'
    }
)
_EMPTY = MappingProxyType(
    {inspect.StrType: "", inspect.IntType: 0, inspect.FloatType: 0.0, inspect.BoolType: False}
)


class Built(Struct):
    """What was given where.

    ``places``: of tables, lists and values. ``values``: which of them are values.
    ``wrong``: the keys to say nothing more about.
    """

    settings: Settings
    places: dict[Key, Place] = {}
    values: set[Key] = set()
    wrong: set[Key] = set()

    def is_wrong(self, key: Key) -> bool:
        """Whether a problem with the value, or with a table around it, is known already."""
        return any(key[:length] in self.wrong for length in range(1, len(key) + 1))

    def given(self, key: Key) -> bool:
        """Whether somebody gave it: it, or the value that it is an item of."""
        prefixes = (key[:length] for length in range(1, len(key)))
        return key in self.places or any(prefix in self.values for prefix in prefixes)

    def place(self, key: Key) -> Place:
        """Where it was given, or where the table is that it would be in."""
        for length in range(len(key), 0, -1):
            place = self.places.get(key[:length])
            if place is not None:
                return Place(place.source, (*place.key, *key[length:]))
        return Place("", key)


def build(tree: Table, problems: Problems) -> Built:
    """Missing values that have no default become problems."""
    builder = _Builder(problems)
    settings: Any = builder.table(Settings, tree, ())
    return Built(settings, builder.places, builder.values, builder.wrong)


class _Builder:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.places: dict[Key, Place] = {}
        self.values: set[Key] = set()
        self.wrong: set[Key] = set()

    def table(self, model: type[Struct], table: Table, key: Key) -> Struct:
        values = {}
        if table.wrong:
            self.wrong.add(key)
        for setting in settings_of(model):
            here = (*key, setting.name)
            node = table.entries.get(setting.name)
            if node is not None:
                values[setting.name] = self._value(setting, node, here)
            elif setting.required:
                values[setting.name] = self._missing(setting, table, here)
        return model(**values)

    def _value(self, setting: Setting, node: Node, key: Key) -> Any:
        self.places[key] = node.place
        kind = setting.kind
        if isinstance(node, Table) and kind.model is not None:
            return self.table(kind.model, node, key)
        if isinstance(node, Rows) and kind.item is not None and kind.item.model is not None:
            return self._rows(kind.item.model, node, key)
        self.values.add(key)
        if isinstance(node, Leaf):
            self.places |= {(*key, item): place for item, place in node.items.items()}
        if isinstance(node, Leaf) and node.value is not WRONG:
            return node.value
        self.wrong.add(key)
        return self._empty(setting) if setting.required else setting.default

    def _rows(self, model: type[Struct], rows: Rows, key: Key) -> tuple[Struct, ...]:
        if rows.wrong:
            self.wrong.add(key)
        self.places |= {(*key, i): row.place for i, row in enumerate(rows.items)}
        return tuple(self.table(model, row, (*key, i)) for i, row in enumerate(rows.items))

    def _missing(self, setting: Setting, table: Table, key: Key) -> Any:
        place = Place(table.place.source, (*table.place.key, key[-1]))
        if setting.kind.model is not None:
            return self.table(setting.kind.model, Table(place, wrong=table.wrong), key)
        self.wrong.add(key)
        if not table.wrong:
            hint = _HINTS.get(key) or f"expected {expected(setting.kind)}"
            self._problems.add(place, f"missing; {hint}")
        return self._empty(setting)

    @staticmethod
    def _empty(setting: Setting) -> Any:
        return _EMPTY.get(type(setting.kind.shape))
