"""The settings file: TOML, read whole, with the line of every value.

Paths in it are relative to its own folder, so that a gateway started from
another folder finds the same files.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from gateway.settings.declared import Key
from gateway.settings.lines import key_lines, line_of
from gateway.settings.model import Settings
from gateway.settings.problems import Place, Problems
from gateway.settings.tree import Reader, Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A slip such as --config /dev/zero must end.
_LARGEST: Final = 4 * 1024 * 1024
_AT_LINE = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$")


def read_file(path: Path, problems: Problems) -> Table:
    """The settings in a file; a ``wrong`` table where it cannot be read at all."""
    text = _text(path, problems)
    document = None if text is None else _document(path, text, problems)
    if text is None or document is None:
        return Table(Place(str(path)), wrong=True)
    lines = key_lines(text)

    def where(key: Key) -> Place:
        line = line_of(lines, key)
        return Place(f"{path}:{line}" if line else str(path), key)

    return Reader(problems, where, path.parent.absolute()).table(Settings, document, ())


def _text(path: Path, problems: Problems) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        problems.add(Place(str(path)), f"cannot read this settings file: {_reason(error)}")
        return None
    if len(data) > _LARGEST:
        problems.add(Place(str(path)), "too large for a settings file")
        return None
    try:
        # Some editors begin a file with a byte order mark; TOML has none.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(Place(f"{path}:{line}"), "not UTF-8, which TOML must be")
        return None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _document(path: Path, text: str, problems: Problems) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except RecursionError:
        problems.add(Place(str(path)), "nested too deeply")
    except ValueError as error:
        # TOMLDecodeError, or that of int() for numbers of thousands of digits.
        at = _AT_LINE.search(str(error))
        reason = _AT_LINE.sub("", str(error))
        place = Place(f"{path}:{at[1]}" if at else str(path))
        column = f" (column {at[2]})" if at else ""
        problems.add(place, f"not valid TOML: {reason}{column}")
    return None
