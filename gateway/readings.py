"""The other ways in which an upstream may read a path.

A path is matched with the routes as it was sent, and forwarded so. An upstream that
merges slashes or resolves ``..`` may then see another route's path; what that route asks
of its clients (a proof, an address, a rate, a form) could be got round by spelling. So
whatever keeps requests out looks at all of them: ``RouteTable.find_all``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

# Nothing in a path without these, and without escapes, can be read in two ways.
_SUSPICIOUS = re.compile(r"//|/\.|[;\\?#]")
_PARAMETERS = re.compile(r";[^/]*")
_PATH_END = re.compile(r"[?#]")
_SLASHES = re.compile(r"/+")
# A path with every trick in it has nearly a hundred, which would take longer than its request.
MOST = 16


def readings(path: str) -> tuple[str, ...] | None:
    """What else a path may mean: after whichever of the steps that upstreams are known to take.

    Any of them may be left out: where one upstream cuts a query off, the next goes on
    and resolves the ``..`` behind it. None: more than ``MOST``, by nobody who means well.
    """
    if "%" not in path and not _SUSPICIOUS.search(path):
        return ()  # as nearly all
    found = {path: None}
    if "%" in path:
        # Twice: one server in front of another, each undoing what it finds.
        once = _unescaped(path)
        found |= {once: None, _unescaped(once): None}
    if any(_SUSPICIOUS.search(each) for each in found):
        for step in _STEPS:
            found |= dict.fromkeys([step(each) for each in found])
            if len(found) > MOST:
                return None
    del found[path]
    return tuple(found)


def _unescaped(path: str) -> str:
    return unquote(path, "latin-1")


def _without_parameters(path: str) -> str:
    return _PARAMETERS.sub("", path)


def _cut(path: str) -> str:
    """What is unescaped too early has a query or a fragment."""
    return _PATH_END.split(path, maxsplit=1)[0]


def _forward_slashes(path: str) -> str:
    return path.replace("\\", "/")


def _merged(path: str) -> str:
    return _SLASHES.sub("/", path)


def _resolved(path: str) -> str:
    """Dot segments removed (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)


_STEPS: tuple[Callable[[str], str], ...] = (
    _cut,
    _forward_slashes,
    _without_parameters,
    _merged,
    _resolved,
)
