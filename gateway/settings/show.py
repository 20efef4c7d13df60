"""Settings for people's eyes: secrets masked, durations and sizes with units.

The TOML printed here can be loaded again (but for what is masked) and gives
the same settings: names, limits and paths are those in effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from gateway.settings.declared import Kind, settings_of
from gateway.settings.model import Settings
from gateway.settings.problems import MASK, quoted_key
from gateway.settings.units import format_duration, format_size


def masked(settings: Settings) -> dict[str, Any]:
    """All settings as plain values, with a mask in place of what is secret."""
    return _plain_table(settings)


def _plain_table(model: Struct) -> dict[str, Any]:
    return {s.name: _plain(s.kind, getattr(model, s.name)) for s in settings_of(type(model))}


def _plain(kind: Kind, value: Any) -> Any:
    if isinstance(value, Struct):
        return _plain_table(value)
    if kind.secret and value is not None:
        return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK
    if kind.item is not None and value is not None:
        return [_plain(kind.item, item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def to_toml_text(settings: Settings) -> str:
    """All settings but those without a value, as a settings file."""
    return "\n".join(_table_lines(settings, "")).strip() + "\n"


def _table_lines(model: Struct, path: str) -> Iterator[str]:
    """First the table's own values, then the tables in it: TOML knows no way back."""
    plain = _plain_table(model)
    below: list[Iterator[str]] = []
    for setting in settings_of(type(model)):
        kind, value = setting.kind, plain[setting.name]
        here = f"{path}.{setting.name}" if path else setting.name
        if kind.scalar or (kind.item is not None and kind.item.model is None):
            if value is not None:
                yield f"{setting.name} = {toml_value(kind, value)}"
        elif kind.optional and value == []:
            yield f"{setting.name} = []"  # which is not the same as nothing
        else:
            below.append(_below(kind, getattr(model, setting.name), value, here))
    for lines in below:
        yield from lines


def _below(kind: Kind, value: Any, plain: Any, path: str) -> Iterator[str]:
    if isinstance(value, Struct):
        yield from ("", f"[{path}]", *_table_lines(value, path))
    elif kind.item is not None:
        for row in value or ():
            yield from ("", f"[[{path}]]", *_table_lines(row, path))
    elif plain:
        yield from ("", f"[{path}]")
        yield from (f"{quoted_key(name)} = {_quoted(text)}" for name, text in plain.items())


def toml_value(kind: Kind, value: Any) -> str:
    """One value as TOML, with its unit where a short text says the same."""
    if kind.item is not None:
        return f"[{', '.join(toml_value(kind.item, item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    text = None
    if kind.unit == "seconds":
        text = format_duration(value)
    elif kind.unit == "bytes":
        text = format_size(value)
    return _quoted(text) if text else _number(value)


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _quoted(text: str) -> str:
    # JSON's strings are TOML's, but for DEL; no setting has control characters.
    return json.dumps(text, ensure_ascii=False)
