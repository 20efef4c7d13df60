"""Texts about settings that cannot be used, collected until all are known.

A text names the source, the key, the value and what was expected:
``gateway.toml:7: live.read_timeout = "5x": expected seconds, or …``. A value
that is or may be secret never gets into one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from importlib import import_module

from msgspec import Struct

from gateway.settings.declared import Key

MASK = "***"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 80
_SECRET_NAME = re.compile("auth|secret|token|pass|pwd|key|cookie|credential", re.IGNORECASE)


class Place(Struct, frozen=True):
    """Where a value was given. ``source``: a file and line, a flag, a variable; or nothing."""

    source: str
    key: Key = ()

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.source, dotted(self.key)]))


class Problems:
    """The problems found so far, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def add(self, place: Place, message: str, *, value: str = "") -> None:
        """``value``: as ``shown()``; nothing when there is none to show."""
        given = f" = {value}" if value else ""
        self._texts[f"{place}{given}: {message}"] = None

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def __repr__(self) -> str:
        return f"<Problems {len(self._texts)}>"


def dotted(key: Key) -> str:
    """``shadows[0].headers.set.X-Key``; ``"*"`` stands for any item of a list."""
    text = ""
    for part in key:
        if isinstance(part, int) or part == "*":
            text += f"[{part}]"
        else:
            text += ("." if text else "") + quoted_key(part)
    return text


def quoted_key(name: str) -> str:
    """A key as TOML wants it written."""
    return name if _BARE_KEY.fullmatch(name) else shown(name)


def shown(value: object, *, secret: bool = False) -> str:
    """A value on one short line, as TOML would have it; what may be a credential masked."""
    if secret:
        return MASK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _shortened(
            json.dumps(_without_credentials(value), ensure_ascii=not value.isprintable())
        )
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "[…]" if value else "[]"
    if isinstance(value, int) and value.bit_length() > 256:
        # Python refuses to write numbers of more than 4300 digits.
        return "a number of very many digits"
    return _shortened(str(value))


def sounds_secret(name: str) -> bool:
    """Whether a key that is no setting may have a credential as its value."""
    return _SECRET_NAME.search(name) is not None


def _without_credentials(text: str) -> str:
    """A URL's user, password and query are where credentials get into settings."""
    scheme, separator, rest = text.rpartition("://")
    if "@" in rest:
        rest = f"{MASK}@{rest.rpartition('@')[2]}"
    if separator and "?" in rest:
        rest = f"{rest.partition('?')[0]}?{MASK}"
    return f"{scheme}{separator}{rest}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def alternatives(texts: Iterable[str]) -> str:
    """``"a", "b" or "c"``."""
    quoted = [f'"{text}"' for text in texts]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]])) if quoted else ""


def nearest(name: str, valid: Sequence[str]) -> list[str]:
    """The valid names a mistyped one may stand for, best first, three at most."""
    by_lower = {each.lower(): each for each in valid}
    # Only who mistypes something pays for it.
    find = import_module("difflib").get_close_matches
    close: list[str] = find(name[:64].lower(), by_lower, n=3, cutoff=0.6)
    return [by_lower[each] for each in close]


def did_you_mean(name: str, valid: Sequence[str], *, prefix: str = "") -> str:
    """``; did you mean "percent"?``, or nothing. ``prefix`` goes before what is named."""
    near = [prefix + each for each in nearest(name, valid)]
    return f"; did you mean {alternatives(near)}?" if near else ""


def unknown_key(name: str, valid: Sequence[str], elsewhere: Iterable[str]) -> str:
    """``elsewhere``: all dotted keys there are, for a setting written into the wrong table."""
    near = nearest(name, valid) or _nearest_elsewhere(name, elsewhere)
    if near:
        return f"unknown key; did you mean {alternatives(near[:3])}?"
    return f"unknown key; valid here: {', '.join(valid)}"


def _nearest_elsewhere(name: str, keys: Iterable[str]) -> list[str]:
    by_last: dict[str, list[str]] = {}
    for key in keys:
        by_last.setdefault(key.rpartition(".")[2], []).append(key)
    return [key for last in nearest(name, list(by_last))[:1] for key in by_last[last]]
