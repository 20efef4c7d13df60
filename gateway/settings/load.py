"""File, environment and flags in; one frozen value out, or every problem at once.

Flags win over the environment, that over the file, that over the defaults. It
runs once, in the process that starts the gateway; workers get the result
(``codec.py``) and read no source themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import SettingsError
from gateway.settings.build import Built, build
from gateway.settings.declared import Key, kind_at
from gateway.settings.model import Settings
from gateway.settings.overrides import (
    CONFIG_VARIABLE,
    Overrides,
    read_environment,
    read_flags,
)
from gateway.settings.problems import Place, Problems, shown
from gateway.settings.rules import RULES, same_url
from gateway.settings.tree import WRONG, Leaf, Reader, Rows, Table


def load(
    *,
    config: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    live: str | None = None,
) -> Settings:
    """The effective settings.

    ``config``: the file; None takes ``GATEWAY_CONFIG``, and without that there
    is none. ``flags``: see ``FLAGS``; None is one that was not given. ``live``: its URL
    where nobody names one, for whoever does not call it. Raises ``SettingsError`` with
    every problem of every source.
    """
    problems = Problems()
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    tree = Table(Place("")) if config is None else _file(config, problems)
    from_environment = read_environment(environ, problems)
    from_flags = read_flags(flags, problems)
    if tree.wrong:
        # What is missing or contradictory cannot be told without the file.
        raise SettingsError(problems.texts)
    _lay_over(tree, from_environment, from_flags)
    if live is not None and "live" not in tree.entries:
        _put(tree, ("live", "url"), Leaf(live, Place("")))
    return _checked(tree, problems)


def _file(config: Path, problems: Problems) -> Table:
    # Not at the top: who embeds a mirror has its settings in code, and no use for TOML.
    tree: Table = import_module("gateway.settings.file").read_file(config, problems)
    return tree


def validated(settings: Settings) -> Settings:
    """Settings made in code, checked and completed just as loaded ones.

    Files are opened, paths are relative to the current folder. Raises
    ``SettingsError``.
    """
    problems = Problems()
    document = _given(settings)
    reader = Reader(problems, lambda key: Place("settings", key))
    return _checked(reader.table(Settings, document, ()), problems)


def _given(model: msgspec.Struct) -> dict[str, Any]:
    """What differs from the defaults, as a file would say it."""
    given = {}
    for field in msgspec.structs.fields(type(model)):
        value = getattr(model, field.name)
        if value == field.default or (value == {} and field.default is msgspec.NODEFAULT):
            continue
        if isinstance(value, tuple):
            value = [_given(v) if isinstance(v, msgspec.Struct) else v for v in value]
        given[field.name] = _given(value) if isinstance(value, msgspec.Struct) else value
    return given


def _checked(tree: Table, problems: Problems) -> Settings:
    built = build(tree, problems)
    built.settings = _completed(built)
    for rule in RULES:
        for finding in rule(built.settings):
            if not any(built.is_wrong(key) for key in finding.keys):
                _report(finding.keys, finding.message, built, problems)
    if problems:
        raise SettingsError(problems.texts)
    return built.settings


def _report(keys: tuple[Key, ...], message: str, built: Built, problems: Problems) -> None:
    key = next(filter(built.given, keys), keys[0])
    value = _value_at(built.settings, key)
    text = "" if isinstance(value, msgspec.Struct) else shown(value, secret=kind_at(key).secret)
    problems.add(built.place(key), message, value=text)


def _value_at(value: Any, key: Key) -> Any:
    for part in key:
        named = isinstance(value, msgspec.Struct)
        value = getattr(value, str(part)) if named else value[part]
    return value


def _lay_over(tree: Table, environment: Overrides, flags: Overrides) -> None:
    for key, leaf in {**environment.values, **flags.values}.items():
        _put(tree, key, leaf)
    urls = flags.shadows or environment.shadows
    if urls:
        tree.entries["shadows"] = _chosen(urls, tree.entries.get("shadows"))
    percent = flags.percent or environment.percent
    shadows = tree.entries.get("shadows")
    if percent is not None and isinstance(shadows, Rows):
        for row in shadows.items:
            row.entries["percent"] = percent


def _put(tree: Table, key: Key, leaf: Leaf) -> None:
    *tables, name = key
    for depth, part in enumerate(tables, start=1):
        below = tree.entries.setdefault(str(part), Table(Place(leaf.place.source, key[:depth])))
        if not isinstance(below, Table):
            raise TypeError(f"{key} is not a single value of a table")
        tree = below
    tree.entries[str(name)] = leaf


def _chosen(urls: list[Leaf], configured: object) -> Rows:
    """The shadows with these URLs: the file's where it has them, with all their settings."""
    known = configured.items if isinstance(configured, Rows) else []
    chosen = Rows(urls[0].place)
    for url in urls:
        rows = [row for row in known if _has_url(row, url)]
        chosen.items += rows or [Table(Place(url.place.source, url.place.key[:-1]), {"url": url})]
    return chosen


def _has_url(row: Table, url: Leaf) -> bool:
    own = row.entries.get("url")
    if not isinstance(own, Leaf) or WRONG in (own.value, url.value):
        return False
    return same_url(own.value, url.value)


def _completed(built: Built) -> Settings:
    """Names for shadows and routes without one, and default limits that fit together."""
    settings = built.settings
    taken = {shadow.name for shadow in settings.shadows}
    shadows = []
    for index, shadow in enumerate(settings.shadows):
        name = shadow.name or _free_name(taken)
        taken.add(name)
        given = built.given(("shadows", index, "max_body"))
        limit = shadow.max_body if given else min(shadow.max_body, settings.request.max_body)
        shadows.append(msgspec.structs.replace(shadow, name=name, max_body=limit))
    routes = (msgspec.structs.replace(r, name=r.name or r.path) for r in settings.routes)
    return msgspec.structs.replace(settings, shadows=tuple(shadows), routes=tuple(routes))


def _free_name(taken: set[str]) -> str:
    number = 1
    while (name := "shadow" if number == 1 else f"shadow-{number}") in taken:
        number += 1
    return name
