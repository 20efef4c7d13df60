"""Makes a report: every shadow the store knows of, or one, each with its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.report.content import Judgement, Report
from gateway.report.decision import decide, worst
from gateway.report.gather import Question, cost, one_shadow

if TYPE_CHECKING:
    from gateway.store.reader import Reader

_VERSION = 1


def make_report(reader: Reader, question: Question, shadow: str | None = None) -> Report:
    """Raises ``StoreError``."""
    names = [shadow] if shadow is not None else reader.shadows()
    about = [one_shadow(reader, question, name) for name in names]
    judged = [Judgement(each, decide(each, question.rule)) for each in about]
    where, health = question.where, reader.health()
    return Report(
        version=_VERSION,
        made_at=question.now,
        since=where.since,
        until=where.until,
        route=where.route,
        store=health.url,
        lost=health.lost,
        rule=question.rule,
        outcome=worst(each.decision.outcome for each in judged),
        shadows=judged,
        isolation=cost(reader, replace(where, shadow=None), question.rule.confidence),
    )
