"""The dashboard in Chromium: what people and hostile answers can do with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store.store import Store
from tests.dashboard.conftest import admin_app, config_of, screenshot, served
from tests.dashboard.filling import CREATED, NASTY, SCRIPT, TAX, Made, group_id, invoice
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for

Open = Callable[..., Any]
TAX_PAGE = f"/groups/{group_id(TAX, 'invoices')}"
NASTY_PAGE = f"/groups/{group_id(NASTY, SCRIPT)}"
PAGES = {
    "overview": "/",
    "groups": "/groups",
    "group": TAX_PAGE,
    "hostile": NASTY_PAGE,
    "known": "/known",
}


def settled(page: Any) -> None:
    """The charts are drawn, and the script is done."""
    if page.locator("[data-chart]").count():
        page.wait_for_selector("[data-chart] canvas")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_page_fits_and_nobody_complains(
    site: str, open_page: Open, width: int, dark: bool
) -> None:
    """No policy is violated, nothing comes from elsewhere, nothing scrolls sideways."""
    page = open_page(site, width=width, dark=dark)
    for name, path in PAGES.items():
        page.goto(site + path)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        screenshot(page, f"{name}-{width}-{'dark' if dark else 'light'}")
    assert page.locator(".trouble").count() == 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, background[4:-1].split(","))) / 3
    assert (lightness < 60) is dark


def test_what_upstreams_and_clients_send_is_text(site: str, open_page: Open) -> None:
    """Script elements in bodies, field names, paths, patterns and routes run nowhere."""
    page = open_page(site + NASTY_PAGE)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    text = page.inner_text("main")
    assert text.count(SCRIPT) >= 8
    assert "onerror=alert(1)" in text
    assert f"X-{SCRIPT}" in text
    assert page.title().endswith("Gateway")
    assert page.locator("main script, main img").count() == 0


def test_the_policy_forbids_scripts_in_the_page(site: str, open_page: Open) -> None:
    """Should escaping ever fail: what is written into a page does not run."""
    page = open_page(site + "/known")
    page.expected.append("Content Security Policy")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'pwned'";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<p style='color: red' id=styled>x</p>");
        }"""
    )
    assert "pwned" not in page.title()
    assert page.evaluate("getComputedStyle(styled).color") != "rgb(255, 0, 0)"


def test_the_overview_says_the_verdict_of_the_moment(site: str, open_page: Open) -> None:
    """The rate with its interval, traffic, drops, and what differs; all four charts."""
    page = open_page(site)
    hero = page.inner_text("#hero")
    for text in ("99.51", "match", "95", "Live traffic", "Dropped", "Shadow failed"):
        assert text in hero
    assert "/lines/*/tax" in page.inner_text("#rest")
    wait_for(lambda: page.locator("[data-chart] canvas").count() == 4, "all charts")
    label = page.get_attribute("[data-chart=latency] .uplot", "aria-label")
    assert "shadow p99: from" in label


def test_the_verdict_names_the_place_to_look_at(site: str, open_page: Open) -> None:
    """In one line at the top, with both values, and a way to it."""
    page = open_page(site)
    cause = page.locator("#hero .cause")
    assert "/lines/*/tax of route invoices" in cause.inner_text()
    assert cause.locator("code.live").inner_text() == "1.43"
    assert cause.locator("code.shadow").inner_text() == "1.42"
    cause.locator("a").click()
    page.wait_for_url(f"**{TAX_PAGE}**")


def test_tables_are_whole_on_a_narrow_screen(site: str, open_page: Open) -> None:
    """One below the other, each value with its name: nothing is off the edge."""
    page = open_page(site, width=375)
    wide = "each => each.scrollWidth > each.clientWidth"
    assert not page.locator(".scroll").evaluate(wide)
    label = "getComputedStyle(document.querySelector('td[data-label=Match]'), '::before').content"
    assert page.evaluate(label) == '"Match"'


def test_a_shadow_that_is_down_is_said_above_all_else(
    open_page: Open, made: Made, tmp_path: Path
) -> None:
    """As soon as it is down, with what to do."""
    with upstream() as shadow:
        config = config_of(made, shadow)
    with admin_app(tmp_path, config) as app, served(app) as site:
        page = open_page(site, width=375)
        told = page.locator(".trouble-bad")
        assert told.count() == 1
        assert f"{shadow.url}: Connection refused" in told.inner_text()
        assert "Start it" in told.inner_text()
        assert "unreachable" in page.inner_text(".tiles")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert told.bounding_box()["y"] < page.locator("#verdict").bounding_box()["y"]
        screenshot(page, "shadow-down-375-light")


def test_the_example_shows_both_sides_and_marks_what_differs(site: str, open_page: Open) -> None:
    """The digits that differ, and nothing else."""
    page = open_page(site + TAX_PAGE)
    row = page.locator(".row.differs")
    assert row.count() == 1
    assert row.locator(".live mark").inner_text() == "1.43"
    assert row.locator(".shadow mark").inner_text() == "1.42"
    assert page.locator(".row.here").count() == 1
    assert "equal lines" in page.inner_text(".sides")
    assert "/invoices?draft=1" in page.inner_text(".request .line")


def test_filters_are_in_the_url_and_a_url_is_all_it_takes(site: str, open_page: Open) -> None:
    """Chosen by hand; then the same from the address alone."""
    page = open_page(site + "/groups")
    page.select_option("select[name=shadow]", "experiment")
    page.select_option("select[name=since]", "6h")
    page.click("text=Apply")
    page.wait_for_url("**/groups?shadow=experiment**since=6h**")
    found = page.inner_text(".groups")
    assert "/created" in found
    assert "/lines" not in found
    page.click(".group-link")
    page.wait_for_url(f"**/groups/{group_id(CREATED, 'customers', 'experiment')}?**")
    assert "shadow=experiment" in page.url
    assert "since=6h" in page.url
    other = open_page(page.url)
    assert other.inner_text("h1") == page.inner_text("h1")
    assert other.input_value("select[name=shadow]") == "experiment"


def test_a_verdict_and_a_route_filter_too(site: str, open_page: Open) -> None:
    """Only header differences; then only one route's."""
    page = open_page(site + "/groups?verdict=headers")
    assert page.locator(".group").count() == 1
    page.goto(site + "/groups?route=invoices")
    assert page.locator(".group").count() == 1


def test_a_part_of_a_chart_can_be_chosen(site: str, open_page: Open) -> None:
    """Drawn with the pointer, it becomes the time in the URL."""
    page = open_page(site)
    settled(page)
    box = page.locator("[data-chart=rate] .u-over").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 50, steps=4)
    page.mouse.up()
    page.wait_for_url("**since=20*until=20*")
    assert page.locator(".exact[open]").count() == 1


def test_it_can_be_used_by_keyboard_alone(site: str, open_page: Open) -> None:
    """The first stop skips to the content; what has the focus shows it; Enter follows."""
    page = open_page(site + "/groups")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    seen = []
    for _ in range(6):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.className"))
        if seen[-1] == "group-link":
            break
    assert seen[-1] == "group-link", seen
    outline = "getComputedStyle(document.activeElement.closest('.group')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/groups/*")
    page.focus("text=Accept as expected")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.opens") == "accept"


def test_accepting_writes_the_register_and_says_so(
    site: str, open_page: Open, tmp_path: Path
) -> None:
    """With a reason, an owner and a day; the difference is expected from then on."""
    page = open_page(site + TAX_PAGE)
    page.click("text=Accept as expected")
    page.fill("[name=reason]", "Half cents are rounded <b>to even</b> now.")
    page.fill("[name=owner]", "anna@example.com")
    screenshot(page, "accept-1280-light")
    page.click("form.panel button[type=submit]")
    page.wait_for_selector(".note.fine")
    assert "rounded <b>to even</b> now" in page.inner_text(".note.fine")
    register = (tmp_path / "known.toml").read_text()
    assert 'pattern = "/lines/*/tax"' in register
    page.goto(site + "/known")
    assert "in force" in page.inner_text(".entry")
    assert "100" in page.inner_text(".entry")
    page.goto(site + "/groups")
    assert "/lines/*/tax" not in page.inner_text(".groups")


def test_without_a_register_the_entry_is_shown(
    open_page: Open, made: Made, shadow: Upstream, tmp_path: Path
) -> None:
    """To be put into one by hand."""
    with admin_app(tmp_path, config_of(made, shadow)) as app, served(app) as site:
        page = open_page(site + TAX_PAGE)
        page.click("text=Accept as expected")
        page.fill("[name=reason]", "Fine.")
        page.fill("[name=owner]", "anna")
        page.click("form.panel button[type=submit]")
        page.wait_for_selector(".made:visible")
        assert "[[known]]" in page.inner_text(".made")


@pytest.mark.parametrize(
    ("tax", "said"),
    [
        ("1.43", "It matches now"),
        ("1.42", 'It still differs here: live said "1.43", the shadow now says "1.42" (200 in'),
    ],
    ids=["fixed", "not"],
)
def test_replaying_says_what_the_shadow_says_now(
    site: str, open_page: Open, shadow: Upstream, tax: str, said: str
) -> None:
    """It gets the request again, without the credentials that were redacted."""
    body = invoice(tax)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    shadow.script = lambda request: head.encode() + body
    page = open_page(site + TAX_PAGE)
    page.click("text=Replay now")
    line = page.locator(".request .said")
    wait_for(lambda: said in line.inner_text(), said)
    assert "Sent without Authorization" in line.inner_text()
    (received,) = shadow.taken()
    assert received.line == b"POST /invoices?draft=1 HTTP/1.1"
    assert received.values("Authorization") == []
    assert received.values("X-Shadow-Request") != []


def test_copy_as_curl_and_har(site: str, open_page: Open, shadow: Upstream) -> None:
    """In the clipboard, and as a file."""
    page = open_page(site + TAX_PAGE, permissions=["clipboard-read", "clipboard-write"])
    page.click("text=Copy as curl")
    wait_for(lambda: page.inner_text(".request .said") == "Copied.", "the copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl ")
    assert f"{shadow.url}/invoices?draft=1" in copied
    with page.expect_download() as download:
        page.click("text=Download HAR")
    log = json.loads(Path(download.value.path()).read_text())["log"]
    assert [entry["comment"] for entry in log["entries"]] == ["live", "shadow rewrite"]


def test_closing_and_opening_a_group(site: str, open_page: Open) -> None:
    """As fixed; and again."""
    page = open_page(site + TAX_PAGE)
    page.click("text=Close as fixed")
    page.wait_for_selector(".facts .state-closed")
    page.click("text=Open again")
    page.wait_for_selector(".facts .state-open")


def test_figures_stay_fresh_until_paused(
    site: str, open_page: Open, made: Made, tmp_path: Path
) -> None:
    """What the register says now is on the page without anybody's doing."""
    page = open_page(site)
    page.clock.install()
    page.reload()
    entry = (
        f'[[known]]\nid = "x"\npattern = "{TAX.pattern}"\nreason = "r"\nowner = "o"\n'
        "expires = 9999-01-01\n"
    )
    (tmp_path / "known.toml").write_text(entry)
    assert "/tax" in page.inner_text("#rest")
    page.clock.fast_forward(6000)
    wait_for(lambda: "/tax" not in page.inner_text("#rest"), "the register to be read")
    assert "4 kinds" in page.inner_text("h1")
    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    assert page.inner_text("#pulse") == "paused"


def test_pages_of_other_sites_can_change_nothing(site: str, open_page: Open, app: Any) -> None:
    """Not with a form, not with a script, not by another name for our address."""
    with served(_foreign) as elsewhere:
        page = open_page(elsewhere.replace("127.0.0.1", "localhost"))
        for each in ("CORS", "ERR_FAILED", "NotSameOrigin", "403", "404", site, "415"):
            page.expected.append(each)
        for kind in ("application/json", "text/plain"):
            script = """([url, kind]) => fetch(url, {method: "POST", body: "{}",
                headers: {"Content-Type": kind}}).then(a => a.type, () => "refused")"""
            assert page.evaluate(script, [f"{site}/api/known", kind]) == "refused"
            script = """([url, kind]) => fetch(url, {method: "POST", body: "{}", mode: "no-cors",
                headers: {"Content-Type": kind}}).then(a => a.type, () => "refused")"""
            assert page.evaluate(script, [f"{site}/api/known", kind]) in {"refused", "opaque"}
        page.evaluate("url => { form.action = url; form.submit(); }", f"{site}/api/known")
        page.wait_for_url(f"{site}/**")
        assert "Another site" in page.inner_text("body")


def _foreign(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    icon = b"<link rel=icon href='data:,'>"
    return [icon + b"<form id=form method=post><input name='{\"group\":\"' value='\"}'></form>"]


@pytest.mark.parametrize("name", ["no store", "nothing yet", "no data", "no shadow"])
def test_without_figures_a_page_says_why(
    name: str, open_page: Open, shadow: Upstream, tmp_path: Path
) -> None:
    """And what to do."""
    empty = Made(f"sqlite:///{tmp_path}/none.db", 0)
    fresh = Made(f"sqlite:///{tmp_path}/fresh.db", 0)
    store = Store(fresh.url)
    store.note_isolation(held_out=True, seconds=0.01, failed=False)
    store.start()
    assert store.close(20)
    config, said = {
        "no store": (config_of(None, shadow), 'store.url = "off"'),
        "nothing yet": (config_of(fresh, shadow), "Send requests through the gateway"),
        "no data": (config_of(empty, shadow), "No exchange has been compared yet"),
        "no shadow": (config_of(empty, None), "No shadow is configured"),
    }[name]
    with admin_app(tmp_path, config) as app, served(app) as site:
        page = open_page(site, width=375)
        assert said in page.inner_text("main")
        screenshot(page, name.replace(" ", "-"))
        for path in ("/groups", "/known"):
            page.goto(site + path)
            assert page.inner_text("main")


def test_it_can_be_read_without_a_script(site: str, open_page: Open) -> None:
    """Buttons that would do nothing are not there."""
    page = open_page(site + TAX_PAGE, java_script_enabled=False)
    assert page.locator(".row.differs").is_visible()
    assert not page.locator("text=Replay now").is_visible()
    page.goto(site)
    assert page.locator("text=99.51").is_visible()
