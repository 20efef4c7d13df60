"""What one source says, read and with the place of every value.

A source (file, environment, flags) becomes a tree of tables, lists of tables
and leaves. Trees are then laid over each other (``load.py``): since each leaf
knows its place, a problem that shows later still names the line or the flag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from gateway.settings.declared import Key, Kind, all_keys, settings_of
from gateway.settings.problems import (
    Place,
    Problems,
    dotted,
    quoted_key,
    shown,
    sounds_secret,
    unknown_key,
)
from gateway.settings.values import Unfit, expected, read_scalar

# Stands for a value that was given but cannot be used; its problem is recorded.
WRONG: Final = object()


class Leaf(Struct):
    """One value: a scalar, a tuple of scalars, a dict of texts, or ``WRONG``.

    ``items``: the places of what is in it, by index or name.
    """

    value: Any
    place: Place
    items: Mapping[Any, Place] = {}


class Table(Struct):
    """A table of settings. ``wrong``: it is there but was no table."""

    place: Place
    entries: dict[str, Node] = {}
    wrong: bool = False


class Rows(Struct):
    """A list of tables. ``wrong``: it is there but was no list."""

    place: Place
    items: list[Table] = []
    wrong: bool = False


Node = Leaf | Table | Rows


class Reader:
    """Reads raw documents of one source.

    ``where``: names the place of a key, line and all. ``folder``: what paths
    of files are relative to; None leaves them as they are.
    """

    def __init__(
        self, problems: Problems, where: Callable[[Key], Place], folder: Path | None = None
    ) -> None:
        self._problems = problems
        self._where = where
        self._folder = folder

    def node(self, kind: Kind, raw: object, key: Key) -> Node:
        """Whatever is declared at a key."""
        if kind.model is not None:
            return self.table(kind.model, raw, key)
        if kind.item is not None:
            model = kind.item.model
            return self._rows(model, raw, key) if model else self._list(kind.item, raw, key)
        if kind.name is not None and kind.value is not None:
            return self._texts(kind.name, kind.value, raw, key, secret=kind.secret)
        return self.leaf(kind, raw, key)

    def table(self, model: type[Struct], raw: object, key: Key) -> Table:
        """A table of settings; what is not declared is a problem."""
        table = Table(self._where(key), wrong=not isinstance(raw, Mapping))
        if not isinstance(raw, Mapping):
            self._wrong(key, raw, f"expected a table: write {_heading(key)}")
            return table
        declared = {setting.name: setting.kind for setting in settings_of(model)}
        for name, value in raw.items():
            if name in declared:
                table.entries[name] = self.node(declared[name], value, (*key, name))
            else:
                self._unknown((*key, name), value, declared)
        return table

    def leaf(self, kind: Kind, raw: object, key: Key, *, secret: bool = False) -> Leaf:
        """A single value."""
        try:
            value = read_scalar(kind, raw)
        except Unfit as unfit:
            return self._wrong(key, raw, str(unfit), secret=secret or kind.secret)
        if self._folder is not None and kind.extra.get("path"):
            value = str(self._folder / value)
        return Leaf(value, self._where(key))

    def _rows(self, model: type[Struct], raw: object, key: Key) -> Rows:
        rows = Rows(self._where(key), wrong=not isinstance(raw, (list, tuple)))
        if isinstance(raw, (list, tuple)):
            rows.items = [self.table(model, item, (*key, i)) for i, item in enumerate(raw)]
        else:
            self._wrong(key, raw, f"expected a list of tables: write [{_heading(key)}]")
        return rows

    def _list(self, item: Kind, raw: object, key: Key) -> Leaf:
        if not isinstance(raw, (list, tuple)):
            return self._wrong(key, raw, f'expected a list ["…", "…"], each {expected(item)}')
        leaves = [self.leaf(item, value, (*key, i)) for i, value in enumerate(raw)]
        values = tuple(leaf.value for leaf in leaves)
        items = {i: leaf.place for i, leaf in enumerate(leaves)}
        return Leaf(WRONG if WRONG in values else values, self._where(key), items)

    def _texts(self, names: Kind, values: Kind, raw: object, key: Key, *, secret: bool) -> Leaf:
        if not isinstance(raw, Mapping):
            message = f"expected a table: write {_heading(key)}"
            return self._wrong(key, raw, message, secret=secret)
        good: dict[str, Leaf] = {}
        for name, value in raw.items():
            here = (*key, name)
            read_name = self.leaf(names, name, here).value
            leaf = self.leaf(values, value, here, secret=secret)
            if WRONG not in (read_name, leaf.value):
                good[read_name] = leaf
        # Without the wrong ones the rules can still look at the others.
        items = {name: leaf.place for name, leaf in good.items()}
        return Leaf({name: leaf.value for name, leaf in good.items()}, self._where(key), items)

    def _unknown(self, key: Key, value: object, declared: Mapping[str, Kind]) -> None:
        # A header field written beside "set" instead of in it brings a secret along.
        secret = sounds_secret(str(key[-1])) or any(kind.secret for kind in declared.values())
        free = [(n, key[-1]) for n, kind in declared.items() if kind.value is not None]
        elsewhere = list(map(dotted, free)) or all_keys()
        message = unknown_key(str(key[-1]), list(declared), elsewhere)
        self._wrong(key, value, message, secret=secret)

    def _wrong(self, key: Key, value: object, message: str, *, secret: bool = False) -> Leaf:
        place = self._where(key)
        self._problems.add(place, message, value=shown(value, secret=secret))
        return Leaf(WRONG, place)


def _heading(key: Key) -> str:
    """How a table begins in a file: ``[live.tls]``, ``[[shadows]]``."""
    names = ".".join(quoted_key(part) for part in key if isinstance(part, str))
    return f"[[{names}]]" if isinstance(key[-1], int) else f"[{names}]"
