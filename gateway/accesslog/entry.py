"""What one line of the access log says, and its two forms.

A form turns an ``Entry`` into the bytes of a line, ASCII throughout: what a
client sent can then neither end the line, nor begin another one, nor steer the
terminal of whoever reads it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

_JSON = msgspec.json.Encoder()
# In a quoted part of a combined line: visible ASCII but the quote and the backslash.
_UNQUOTED = re.compile(r"[^ !#-\[\]-~]")
_WORD = re.compile(r"[^!#-\[\]-~]")


class Entry(msgspec.Struct, omit_defaults=True, gc=False):
    """One request, when its answer was closed. What is not known is left out.

    ``time``: when it arrived, as the form writes it. ``live``: what became of it there.
    ``shadows``: whose pool took a copy; ``missed``: the others, and why. ``complete``: the
    answer was made to its end.
    """

    time: str
    request_id: str
    method: str
    target: str
    protocol: str
    status: int
    bytes_in: int
    bytes_out: int
    complete: bool
    queue_seconds: float
    total_seconds: float
    live_seconds: float | None = None
    client: str | None = None
    identity: str | None = None
    route: str | None = None
    upstream: str | None = None
    live: str | None = None
    shadows: tuple[str, ...] = ()
    missed: dict[str, str] | None = None
    refused: str | None = None
    user_agent: str | None = None
    referer: str | None = None
    headers: dict[str, str] | None = None


class _Seconds:
    """A formatted time of day, made once a second.

    Threads: any; what they share is one tuple, replaced in one step.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._known = (-1, "")

    def __call__(self, moment: float) -> str:
        second = int(moment)
        known = self._known
        if known[0] != second:
            known = (second, time.strftime(self._form, time.gmtime(second)))
            self._known = known
        return known[1]


class JsonForm:
    """One JSON object a line."""

    def __init__(self) -> None:
        self._seconds = _Seconds("%Y-%m-%dT%H:%M:%S")

    def time(self, moment: float) -> str:
        """RFC 3339, UTC, to the millisecond."""
        return f"{self._seconds(moment)}.{int(moment % 1 * 1000):03d}Z"

    def line(self, entry: Entry) -> bytes:
        """The whole line."""
        try:
            line: bytes = _JSON.encode(entry)
        except UnicodeEncodeError:  # half a surrogate pair
            return _ascii(entry)
        if line.isascii() and b"\x7f" not in line:
            return line + b"\n"
        return _ascii(entry)


def _ascii(entry: Entry) -> bytes:
    """The same with escapes for all that is not ASCII: several times as slow, and rare."""
    text = json.dumps(msgspec.to_builtins(entry), separators=(",", ":"))
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


class CombinedForm:
    """Apache's and nginx's combined format, for tools that know nothing else."""

    def __init__(self) -> None:
        self._seconds = _Seconds("%d/%b/%Y:%H:%M:%S +0000")

    def time(self, moment: float) -> str:
        """As CLF writes it, in UTC."""
        return self._seconds(moment)

    def line(self, entry: Entry) -> bytes:
        """The whole line."""
        request = _quoted(f"{entry.method} {entry.target} {entry.protocol}")
        size = entry.bytes_out or "-"
        who = f"{_word(entry.client)} - {_word(entry.identity)} [{entry.time}]"
        agent = f"{_quoted(entry.referer or '-')} {_quoted(entry.user_agent or '-')}"
        return f"{who} {request} {entry.status} {size} {agent}\n".encode("ascii")


def _word(text: str | None) -> str:
    return _WORD.sub(_escaped, text) if text else "-"


def _quoted(text: str) -> str:
    return f'"{_UNQUOTED.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    """``\\xHH`` for each byte, as Apache writes them; text of WSGI is of latin-1 bytes."""
    char = found[0]
    octets = bytes([ord(char)]) if ord(char) < 256 else char.encode("utf-8", "replace")
    return "".join(f"\\x{octet:02x}" for octet in octets)


Form = JsonForm | CombinedForm

FORMS: Final[Mapping[Literal["json", "combined"], Callable[[], Form]]] = MappingProxyType(
    {"json": JsonForm, "combined": CombinedForm}
)
