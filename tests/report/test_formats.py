"""The four ways to say it: a terminal, a program, a browser, a CI."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from gateway.known.register import Register
from gateway.report.content import Report
from gateway.report.document import as_json
from gateway.report.gather import Question
from gateway.report.junit import as_junit
from gateway.report.making import make_report
from gateway.report.markup import Html, tag
from gateway.report.page import as_html
from gateway.report.text import as_text
from gateway.settings.report import Report as Rule
from gateway.store.reader import open_reader
from gateway.store.values import FLOOR, Filter
from tests.report.asking import report_of
from tests.report.test_making import FAR, entry
from tests.support.exchanges import answer, fill, judged, matching, request, sqlite, wrong

EVIL = "<script>alert('x')</script>\x1b[31m\x00\u202e&\"'"
VOID = {"meta", "br", "rect", "line", "circle"}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """With something in each section."""
    odd = request(f"/{EVIL}?<b>", "GET", fields=((EVIL, EVIL),))
    exchanges = [
        *matching(200),
        *wrong(20),
        judged(answer({EVIL: EVIL}), answer({EVIL: 1}), copy=odd, route=EVIL, name="rewrite"),
        judged(answer({}), None, route=EVIL),
        *matching(20, name=FLOOR),
    ]
    register = Register([entry("/total", FAR)])
    return report_of(tmp_path_factory.mktemp("store"), exchanges, register)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    with open_reader(fill(sqlite(tmp_path_factory.mktemp("empty")), matching(1))) as reader:
        everything = make_report(reader, Question(Filter(until=1.0), Rule(), Register(), 1.0))
    return replace(everything, shadows=[], outcome="too little evidence")


class Page(HTMLParser):
    """Elements, attributes and text; fails where elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self.open else ""


def test_the_terminal_gets_the_decision_first(full: Report) -> None:
    """Then why, the rule, and the wrong field with both values."""
    text = as_text(full)
    lines = text.splitlines()
    assert lines[3].startswith("NOT READY: rewrite")
    assert "match where 99.9 % must" in lines[4]
    for part in (
        "invoices /vat: value",
        '"1.43"',
        '"1.42"',
        "-0.20 EUR",
        "e-total",
        "live is compared",
    ):
        assert part in text


def test_nothing_reaches_the_terminal_but_text(full: Report) -> None:
    """No escape sequence of an upstream's, no line it did not have."""
    assert all(line.isprintable() for line in as_text(full).splitlines())


def test_an_empty_report_says_so_in_every_format(empty: Report) -> None:
    """Nothing was compared: too little evidence."""
    assert "TOO LITTLE EVIDENCE" in as_text(empty)
    assert json.loads(as_json(empty))["shadows"] == []
    assert "too little evidence" in Page(as_html(empty)).text
    assert ElementTree.fromstring(as_junit(empty)).get("errors") == "1"


def test_json_has_all_of_it_and_exact_numbers(full: Report) -> None:
    """Decimals are texts: nobody's parser makes binary floats of money."""
    document = json.loads(as_json(full))
    (shadow,) = document["shadows"]
    assert (document["version"], document["outcome"]) == (1, "not ready")
    assert shadow["about"]["drift"][0]["total"] == "-20"
    assert shadow["about"]["findings"][0]["group"]["pattern"] == "/vat"
    assert document["rule"]["require_match"] == 99.9


def test_the_page_is_well_formed_and_escapes_everything(full: Report) -> None:
    """What an upstream wrote is text; it makes no element and no attribute."""
    page = Page(as_html(full))
    names = {name for name, _ in page.elements}
    assert "script" not in names
    assert "<script>alert('x')</script>" in page.text
    assert "\x1b" not in page.text
    assert not any(key.startswith("on") for _, given in page.elements for key in given)


def test_the_page_asks_nobody_for_anything(full: Report) -> None:
    """One file, by a policy that forbids everything but its own style."""
    text = as_html(full)
    page = Page(text)
    assert not any({"src", "href", "action"} & set(given) for _, given in page.elements)
    assert "url(" not in text
    assert "@import" not in text
    policy = next(g["content"] for _, g in page.elements if g.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_page_is_light_and_dark_and_fits_a_phone(full: Report) -> None:
    """By the reader's own preference."""
    text = as_html(full)
    assert "prefers-color-scheme:dark" in text
    assert "width=device-width" in text


def test_every_drawing_can_be_read_aloud(full: Report) -> None:
    """Each has its figures as a label."""
    drawings = [given for name, given in Page(as_html(full)).elements if name == "svg"]
    assert drawings
    assert all(given["role"] == "img" and given["aria-label"] for given in drawings)


def test_junit_has_a_test_for_each_line_of_the_rule(full: Report) -> None:
    """Failed is a failure, unsure an error: nothing is green that is not met."""
    suites = ElementTree.fromstring(as_junit(full))
    (suite,) = suites.findall("testsuite")
    results = {
        re.sub(":.*", "", case.get("name", "")): [child.tag for child in case]
        for case in suite.iter("testcase")
    }
    assert results["match rate"] == ["failure"]
    assert results["exchanges"] == ["error"]
    assert (suites.get("failures"), suite.get("tests")) == (
        str(sum("failure" in r for r in results.values())),
        str(len(results)),
    )
    assert "/vat" in (suite.findtext("system-out") or "")


def test_markup_escapes_all_but_markup() -> None:
    """Texts and attributes, also in lists; what is made here stays."""
    made = tag("p", "<b>", [Html("<i>"), "&"], title='"><x')
    assert made == '<p title="&quot;&gt;&lt;x">&lt;b&gt;<i>&amp;</p>'
