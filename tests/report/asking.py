"""Reports of real stores."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.compare.verdict import Judged
from gateway.known.register import Register
from gateway.report.content import OneShadow, Report
from gateway.report.gather import Question
from gateway.report.making import make_report
from gateway.settings.report import Report as Rule
from gateway.store.reader import open_reader
from gateway.store.values import Filter
from tests.support.exchanges import fill, sqlite

NONE = Register()


def report_of(
    folder: Path,
    exchanges: Iterable[Judged],
    register: Register = NONE,
    where: Filter = Filter(),
    **rule: Any,
) -> Report:
    """The report of a store with these exchanges."""
    with open_reader(fill(sqlite(folder), exchanges)) as reader:
        question = Question(where, Rule(**rule), register, time.time())
        return make_report(reader, question)


def one(report: Report) -> OneShadow:
    """Its only shadow."""
    (judged,) = report.shadows
    return judged.about
