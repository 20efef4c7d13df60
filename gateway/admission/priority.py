"""Who is refused first when not everybody can be served."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from gateway.routes import RouteTable
from gateway.settings.model import Route


class Priority(IntEnum):
    """In the order of service; what is lower is also refused sooner."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


def priority_table(routes: Sequence[Route]) -> RouteTable[Priority]:
    """The priority of each route's requests."""
    return RouteTable(
        [(r.path, r.methods, Priority[r.priority.upper()]) for r in routes], Priority.NORMAL
    )


def priority_in(table: RouteTable[Priority], method: str, path: str) -> Priority:
    """A request's: the lowest, where an upstream may read the path as that of another route."""
    return max(table.find_all(method, path))
