"""What there is to say about a shadow: plain values, fit for JSON, in the order of the report.

A leaf. Times are seconds since the epoch, durations seconds, shares 0 to 1; decimals are
texts in JSON. ``Report`` is a stable format: things are added to it, none are changed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from gateway.report.paired import Paired
from gateway.report.statistics import Interval, Rate
from gateway.settings.report import Report as Rule
from gateway.store.values import Arm, Counts, DriftSum, Group, Latency

Status = Literal["met", "failed", "unsure"]
Outcome = Literal["ready", "not ready", "too little evidence"]

# By these the command ends.
EXIT_STATUS: dict[Outcome, int] = {"ready": 0, "not ready": 1, "too little evidence": 3}


class Numbered(Struct, frozen=True):
    """How often there was something, such as a reason."""

    name: str
    number: int


class Requirement(Struct, frozen=True):
    """One line of the rule. ``wanted`` and ``found`` are fit to be read side by side.

    ``why``: in a sentence, where it is not met. ``more``: how many more exchanges it
    takes until this can be said, None where that is not known or no exchanges help.
    """

    name: str
    status: Status
    wanted: str
    found: str
    why: str = ""
    more: int | None = None


class Decision(Struct, frozen=True):
    """Whether the shadow can take over. One failed requirement outweighs all."""

    outcome: Outcome
    requirements: list[Requirement]

    @property
    def reasons(self) -> list[str]:
        """Why it is not ready, or what there is too little of."""
        wanted = "failed" if self.outcome == "not ready" else "unsure"
        return [each.why for each in self.requirements if each.status == wanted]


class Shown(Struct, frozen=True):
    """A difference in one kept exchange, as short texts. ``None``: there is nothing."""

    request_id: str
    at: float
    method: str
    target: str
    pointer: str
    live: str | None
    shadow: str | None


class Finding(Struct, frozen=True):
    """A group of differences, what it looks like, and what follows from it.

    ``follows``: groups that were seen in kept examples only where this one was too, most
    likely by the same bug. ``known``: the entry of the register it is expected by.
    ``begins``: it was seen before the others, by a request that changes something, so
    that what others show later may follow from it.
    """

    group: Group
    shown: Shown | None
    follows: list[Group]
    known: str | None = None
    begins: bool = False


class BlindSpot(Struct, frozen=True):
    """A kind of request that was never or hardly compared. See ``store.values.Coverage``.

    ``share``: of all live requests; None where only part of them (one shape) is meant, or
    live's are not known.
    """

    route: str
    method: str
    status: int
    shape: str | None
    live: int
    compared: int
    share: float | None


class Covered(Struct, frozen=True):
    """How much of live's traffic was of kinds that were compared often enough.

    ``kinds``: routes, methods and statuses there were. ``share``: of live requests;
    None where nothing is known of them. ``spots``: largest first, at most so many.
    """

    kinds: int
    share: float | None
    spots: list[BlindSpot]
    left_out: int


class KnownDifference(Struct, frozen=True):
    """An entry of the register and what became of it. See ``known.entry``.

    ``hits``: since it was added. ``excuses``: whether its differences count as expected.
    """

    entry: str
    reason: str
    owner: str
    expires: str
    limit: int | None
    hits: int
    state: str
    excuses: bool


class Cost(Struct, frozen=True):
    """What mirroring costs live: mirrored requests less those held out, with intervals.

    ``latency``: of the means, seconds. ``errors``: of the shares that failed.
    """

    mirrored: Arm
    held_out: Arm
    latency: Interval | None
    errors: Interval | None


class CurrencyDrift(Struct, frozen=True):
    """Money of one currency: the sum of a day's differences, in minor units."""

    day: str
    currency: str
    total: Decimal
    number: int
    routes: list[DriftSum]


class OneShadow(Struct, frozen=True):
    """All about one shadow.

    ``match``: without the register. ``expected``: exchanges that differ only in known ways, at
    least so many: an exchange that is in several groups is not known to be only one.
    ``match_or_known`` and ``failed``, which the decision is about, are with it.
    """

    shadow: str
    first_at: float | None
    last_at: float | None
    live_requests: int
    counts: Counts
    match: Rate
    expected: int
    match_or_known: Rate
    floor: Rate | None
    failed: Rate
    failures: list[Numbered]
    not_compared: list[Numbered]
    ledger: list[Numbered]
    groups: int
    findings: list[Finding]
    latency: Latency
    paired: Paired | None
    sampled_pairs: int
    covered: Covered
    drift: list[CurrencyDrift]
    known: list[KnownDifference]


class Judgement(Struct, frozen=True):
    """A shadow and the decision about it."""

    about: OneShadow
    decision: Decision


class Report(Struct, frozen=True):
    """The whole. ``store``: where it was read from. ``lost``: what could not be kept there."""

    version: int
    made_at: float
    since: float | None
    until: float | None
    route: str | None
    store: str
    lost: dict[str, int]
    rule: Rule
    outcome: Outcome
    shadows: list[Judgement]
    isolation: Cost | None

    @property
    def exit_status(self) -> int:
        """0: every shadow is ready, 1: one is not, 3: there is too little evidence."""
        return EXIT_STATUS[self.outcome]
