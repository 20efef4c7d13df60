"""The report as JUnit XML, which every CI shows: a test for each line of the rule.

What failed is a failure; what cannot be told yet is an error, so that nobody takes it
for a pass. Differences are in the output of the match rate's test, not tests of their
own: the rule may allow for some.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.report.content import Judgement, Report, Requirement
from gateway.report.text import as_text

# What XML 1.0 (section 2.2) has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """One document."""
    suites = Element("testsuites", name="gateway report")
    for judged in report.shadows:
        _suite(suites, judged)
    if not report.shadows:
        _nothing(suites)
    for key in ("tests", "failures", "errors"):
        suites.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    SubElement(suites[-1], "system-out").text = _clean(as_text(report))
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, "unicode") + "\n"


def _suite(suites: Element, judged: Judgement) -> None:
    requirements = judged.decision.requirements
    statuses = [each.status for each in requirements]
    suite = SubElement(
        suites,
        "testsuite",
        name=_clean(judged.about.shadow),
        tests=str(len(requirements)),
        failures=str(statuses.count("failed")),
        errors=str(statuses.count("unsure")),
    )
    for each in requirements:
        _case(suite, judged.about.shadow, each)


def _case(suite: Element, shadow: str, each: Requirement) -> None:
    name = f"{each.name}: {each.wanted}"
    case = SubElement(suite, "testcase", classname=_clean(f"gateway.{shadow}"), name=_clean(name))
    if each.status != "met":
        tag, kind = ("failure", "not ready") if each.status == "failed" else _UNSURE
        SubElement(case, tag, type=kind, message=_clean(each.why)).text = _clean(
            f"wanted: {each.wanted}\nfound: {each.found}\n"
        )


_UNSURE = ("error", "too little evidence")


def _nothing(suites: Element) -> None:
    suite = SubElement(suites, "testsuite", name="gateway", tests="1", failures="0", errors="1")
    case = SubElement(suite, "testcase", classname="gateway", name="exchanges")
    SubElement(case, "error", type="too little evidence", message="nothing was compared")


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
