"""The report as JSON, for other programs. The format is that of ``content.Report``."""

from __future__ import annotations

import msgspec

from gateway.report.content import Report


def as_json(report: Report) -> str:
    """One document, indented. Decimals are texts."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
