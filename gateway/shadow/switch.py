"""A shadow's switch: what an operator set while the gateway runs."""

from __future__ import annotations

from typing import NamedTuple


class Switch(NamedTuple):
    """Overrides the settings of one shadow; ``percent`` None leaves them in force.

    ``why``: who switched it, where that was no operator.
    """

    percent: float | None = None
    off: bool = False
    why: str = ""
