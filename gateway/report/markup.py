"""HTML that cannot be broken by what is in it: every text is escaped unless it was made here.

A leaf. ``tag("td", text, class_="wide")`` is a ``Html``; whatever is no ``Html`` is text.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from gateway.report.texts import safe

_VOID = frozenset({"meta", "br", "rect", "line", "circle"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | Iterable["Child"] | None


def tag(name: str, /, *children: Child, **attributes: object) -> Html:
    """An element. ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``; None: left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(safe(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{given}>" if name in ("meta", "br") else f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Child) -> Html:
    """Several, one after the other."""
    if children is None:
        return Html()
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(escape(safe(children)))
    return Html("".join(joined(child) for child in children))
