"""On which line of a TOML document a key is written.

``tomllib`` does not say, and a problem without a line costs its reader a
search. This looks at a document that ``tomllib`` has already accepted, knows
only headers and keys, and names the nearest line around what it did not see
(a key in an inline table gets the table's line).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.settings.declared import Key

# Comments and strings, so that only triple-quoted ones are taken for such.
_SPANS = re.compile(
    r'#[^\n]*|"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_NAMES = rf"[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*"
_HEADER = re.compile(rf"[ \t]*(\[\[?){_NAMES}\]")
_ASSIGNMENT = re.compile(rf"{_NAMES}=")


def key_lines(text: str) -> Mapping[Key, int]:
    """The line of every key that starts a line, and of every table."""
    lines: dict[Key, int] = {}
    rows: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(_SPANS.sub(_flattened, text).split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _indexed(_names(header[2]), rows, starts_row=header[1] == "[[")
            lines.setdefault(table, number)
            if isinstance(table[-1], int):
                lines.setdefault(table[:-1], number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_names(assignment[1])), number)
    return lines


def line_of(lines: Mapping[Key, int], key: Key) -> int | None:
    """The line of a key, or of the nearest table or list around it."""
    while key:
        if key in lines:
            return lines[key]
        key = key[:-1]
    return None


def _flattened(span: re.Match[str]) -> str:
    multi_line = span[0].startswith(('"""', "'''"))
    return "''" + "\n" * span[0].count("\n") if multi_line else span[0]


def _names(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, dotted)]


def _indexed(names: list[str], rows: dict[Key, int], *, starts_row: bool) -> Key:
    """The key of a header: ``shadows.tls`` after the second ``[[shadows]]`` has a 1 in it."""
    key: Key = ()
    for position, name in enumerate(names, start=1):
        key = (*key, name)
        if starts_row and position == len(names):
            rows[key] = rows.get(key, -1) + 1
        if key in rows:
            key = (*key, rows[key])
    return key
