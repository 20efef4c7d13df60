"""The functions of a host that the shadow side calls, for those who embed the gateway.

Never on a request's thread: somebody's code may raise, block or take its time, and
nothing about it is cheap for certain. They run on threads of their own, behind
bounded backlogs; when one of them is stuck, copies (or verdicts told) are dropped and
counted, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.compare.verdict import Judged
    from gateway.shadow.copy import Copy


class Hooks(NamedTuple):
    """``should_mirror``: whether a request that would be mirrored is to be.

    ``rewrite``: the request as shadows are to get it, a changed copy
    (``request._replace(target=…)``). ``on_verdict``: told of each comparison.
    """

    should_mirror: Callable[[Copy], bool] | None = None
    rewrite: Callable[[Copy], Copy] | None = None
    on_verdict: Callable[[Judged], None] | None = None


NO_HOOKS = Hooks()
