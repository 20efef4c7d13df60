"""What the environment and the command line say.

Both name settings in short (``--live``, ``GATEWAY_LIVE``). The environment can
set every other single value too, as ``GATEWAY_<TABLE>_<KEY>``. Lists of tables
(routes, a shadow's rules) belong into a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from gateway.settings.declared import Key, kind_at, scalar_keys
from gateway.settings.problems import Place, Problems, did_you_mean, shown
from gateway.settings.tree import WRONG, Leaf, Reader
from gateway.settings.values import Text

CONFIG_VARIABLE: Final = "GATEWAY_CONFIG"
# The settings that have a flag, and a variable without a table in its name.
# Beside them: shadow (several URLs) and percent (of every shadow).
SHORT_NAMES: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "live": ("live", "url"),
        "bind": ("server", "bind"),
        "admin": ("server", "admin"),
        "workers": ("server", "workers"),
        "threads": ("server", "threads"),
        "worker_class": ("server", "worker_class"),
    }
)
FLAGS: Final = (
    "live",
    "shadow",
    "percent",
    "bind",
    "admin",
    "workers",
    "threads",
    "worker_class",
)

_PREFIX: Final = "GATEWAY_"
# Names that are no settings: the program's own from master to workers, and
# CGI's (RFC 3875 section 4.1.4).
_INTERNAL_PREFIX: Final = "GATEWAY_INTERNAL_"
_OTHERS: Final = frozenset({CONFIG_VARIABLE, "GATEWAY_INTERFACE"})
# In a namespace with a Service called "gateway" or "gateway-…", Kubernetes puts
# these into every container (its documentation: "Service", "Discovering
# services", "Environment variables").
_SERVICE_LINK = re.compile(
    r"GATEWAY_(?:[A-Z0-9_]+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_SERVICE_PORT = re.compile(r"GATEWAY_(?:[A-Z0-9_]+_)?PORT")


class Overrides(Struct):
    """Settings that lie over those of the file."""

    values: dict[Key, Leaf] = {}
    shadows: list[Leaf] = []
    percent: Leaf | None = None


def variable_names() -> Mapping[str, Key]:
    """Every variable that sets one value, and what it sets. Short names come first."""
    short = {f"{_PREFIX}{name.upper()}": key for name, key in SHORT_NAMES.items()}
    full = {_PREFIX + "_".join(key).upper(): key for key in scalar_keys()}
    return MappingProxyType({**short, **full})


def read_environment(environ: Mapping[str, str], problems: Problems) -> Overrides:
    """The variables that begin with GATEWAY_. An empty one counts as not set."""
    found = Overrides()
    names = variable_names()
    given = {n: v.strip() for n, v in environ.items() if n.startswith(_PREFIX) and v.strip()}
    for name, text in sorted(given.items()):
        source = f"environment variable {name}"
        if name == "GATEWAY_SHADOW":
            _add_shadows(found, source, map(Text, re.split(r"[\s,]+", text.strip(","))), problems)
        elif name == "GATEWAY_PERCENT":
            found.percent = _percent(source, Text(text), problems)
        elif name in names:
            _add(found, names[name], source, Text(text), problems)
        elif not _foreign(name, text):
            problems.add(Place(source), f"names no setting{_meant(name, names)}")
    return found


def read_flags(flags: Mapping[str, object], problems: Problems) -> Overrides:
    """The command line's flags, by their names; None is one that was not given."""
    unknown = set(flags) - set(FLAGS)
    if unknown:
        raise TypeError(f"no such flags: {', '.join(sorted(unknown))}")
    found = Overrides()
    given = {name: value for name, value in flags.items() if value is not None}
    for name, value in given.items():
        source = f"--{name.replace('_', '-')}"
        if name == "shadow":
            urls = value if isinstance(value, (list, tuple)) else [value]
            _add_shadows(found, source, map(_as_text, urls), problems)
        elif name == "percent":
            found.percent = _percent(source, _as_text(value), problems)
        else:
            _add(found, SHORT_NAMES[name], source, _as_text(value), problems)
    return found


def _as_text(value: object) -> object:
    return Text(value) if isinstance(value, str) else value


def _read(key: Key, source: str, raw: object, problems: Problems) -> Leaf:
    kind = kind_at((*key[:1], 0, *key[2:]) if key[0] == "shadows" else key)
    return Reader(problems, lambda key: Place(source, key)).leaf(kind, raw, key)


def _add(found: Overrides, key: Key, source: str, raw: object, problems: Problems) -> None:
    leaf = _read(key, source, raw, problems)
    earlier = found.values.setdefault(key, leaf)
    if earlier.value != leaf.value and WRONG not in (earlier.value, leaf.value):
        secret = kind_at(key).secret
        message = f"but {earlier.place.source} says {shown(earlier.value, secret=secret)}"
        problems.add(leaf.place, message, value=shown(leaf.value, secret=secret))


def _add_shadows(found: Overrides, source: str, urls: Iterable[object], problems: Problems) -> None:
    for url in urls:
        leaf = _read(("shadows", len(found.shadows), "url"), source, url, problems)
        if leaf.value is not WRONG and any(leaf.value == one.value for one in found.shadows):
            problems.add(leaf.place, "given twice", value=shown(leaf.value))
        found.shadows.append(leaf)


def _percent(source: str, raw: object, problems: Problems) -> Leaf:
    return _read(("shadows", "*", "percent"), source, raw, problems)


def _foreign(name: str, value: str) -> bool:
    """Whether a variable is somebody else's although it begins with GATEWAY_."""
    if name.startswith(_INTERNAL_PREFIX) or name in _OTHERS or _SERVICE_LINK.fullmatch(name):
        return True
    return "://" in value and _SERVICE_PORT.fullmatch(name) is not None


def _meant(name: str, names: Mapping[str, Key]) -> str:
    # Compared without the prefix, which would make any two names similar.
    candidates = [*names, "GATEWAY_SHADOW", "GATEWAY_PERCENT", CONFIG_VARIABLE]
    short = [candidate.removeprefix(_PREFIX) for candidate in candidates]
    return did_you_mean(name.removeprefix(_PREFIX), short, prefix=_PREFIX)
