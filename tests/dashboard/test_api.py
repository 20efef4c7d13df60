"""The JSON API, over a store with exchanges in it."""

from __future__ import annotations

import json
import re
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from gateway.admin.app import AdminApp
from gateway.admin.dashboard.app import ROUTES
from gateway.compare.verdict import Comparison, Judged, Verdict
from gateway.store.store import Store
from tests.dashboard.conftest import admin_app, config_of
from tests.dashboard.filling import (
    CREATED,
    NASTY,
    SCRIPT,
    SLOTS,
    TAX,
    Made,
    answer,
    copy,
    group_id,
    invoice,
)
from tests.support.upstream import Upstream

DOCUMENT = Path(__file__).parents[2] / "docs" / "api-http.md"
TAX_ID = group_id(TAX, "invoices")
IN_A_YEAR = (date.today() + timedelta(days=365)).isoformat()


@pytest.fixture
def client(app: AdminApp) -> Client:
    return Client(app)


def get(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(path, base_url="http://localhost:9900")
    assert answer.status_code == status, answer.text
    return answer.json


def post(client: Client, path: str, document: object, status: int = 200) -> Any:
    answer = client.post(path, json=document, base_url="http://localhost:9900")
    assert answer.status_code == status, answer.text
    return answer.json


def example(client: Client, group: str = TAX_ID) -> int:
    number: int = get(client, f"/api/groups/{group}")["examples"][0]["id"]
    return number


def test_every_endpoint_is_documented() -> None:
    """Method and path, both ways."""
    listed = re.findall(r"^### `(GET|POST) (/\S+)`$", DOCUMENT.read_text(), re.MULTILINE)
    served = {
        (method, re.sub(r"<(?:int:)?(\w+)>", lambda m: m[1].upper(), rule.rule))
        for rule in ROUTES.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(listed) == served
    assert len(listed) == len(served)


def test_summary(client: Client) -> None:
    """The verdict of the moment, with its interval."""
    found = get(client, "/api/summary")
    counts = found["summary"]["counts"]
    assert found["state"] == "bad"
    assert found["match"]["of"] == counts["match"] + counts["match_after_ignoring"] + 122
    interval = found["match"]["interval"]
    assert 0.994 < interval["low"] < interval["estimate"] < interval["high"] < 0.996
    assert [each["name"] for each in found["shadows"]] == ["rewrite", "experiment"]
    assert [each["state"] for each in found["shadows"]] == ["healthy", "removed"]
    assert found["drift"][0]["total"] == "-100"
    assert found["isolation"]["held_out"] == 10 * SLOTS


def test_summary_of_one_shadow_route_and_time(client: Client, made: Made) -> None:
    """All that is asked about is of that."""
    found = get(client, "/api/summary?shadow=experiment")
    assert found["summary"]["counts"]["differs"] == 8
    assert [each["name"] for each in found["shadows"]] == ["experiment"]
    found = get(client, "/api/summary?route=customers&shadow=rewrite")
    assert found["summary"]["ledger"] == {}
    found = get(client, f"/api/summary?since={made.now - 40000}&until={made.now - 30000}")
    assert (found["state"], found["match"]["of"]) == ("nothing", 0)


def test_what_is_expected_is_not_a_fault(client: Client, tmp_path: Path) -> None:
    """The rate as counted stays; the one with known differences is beside it."""
    entry = '[[known]]\nid = "{}"\npattern = "{}"\nreason = "r"\nowner = "o"\n'
    entry += "expires = 9999-01-01\n"
    (tmp_path / "known.toml").write_text(entry.format("tax", TAX.pattern))
    found = get(client, "/api/summary")
    assert found["expected"] == 100
    assert found["with_expected"]["number"] == found["match"]["number"] + 100
    every = entry.format("all", "**")
    (tmp_path / "known.toml").write_text(every)
    found = get(client, "/api/summary")
    assert (found["state"], found["expected"], found["unexpected"]) == ("good", 122, [])
    assert len(found["failures"]) == 1


def test_series(client: Client) -> None:
    """Steps that suit the time and the age of the figures; rates and intervals."""
    found = get(client, "/api/series")
    assert found["step"] == 300
    assert len(found["steps"]) in {SLOTS, SLOTS + 1}
    step = found["steps"][12]
    low, estimate, high = step["match"]
    assert low < estimate < high
    assert step["live"] == pytest.approx(900 / 300, rel=0.5)
    assert step["live_latency"]["p50"] < step["shadow_latency"]["p99"]
    drops: dict[str, int] = {}
    for each in found["steps"]:
        for reason, number in each["drops"].items():
            drops[reason] = drops.get(reason, 0) + number
    assert drops == {"queue_full": 360, "breaker_open": 120}
    assert get(client, "/api/series?step=3600")["step"] == 3600
    assert get(client, "/api/series?since=7d")["step"] == 3600
    get(client, "/api/series?step=1", 422)


def test_groups(client: Client) -> None:
    """The most frequent first; pages; other orders."""
    found = get(client, "/api/groups?show=all")
    numbers = [each["group"]["number"] for each in found["groups"]]
    assert numbers == sorted(numbers, reverse=True)
    assert found["total"] == len(numbers) == 6
    second = get(client, "/api/groups?show=all&limit=2&offset=2")
    assert second == {"total": 6, "groups": found["groups"][2:4]}
    assert get(client, "/api/groups?verdict=headers")["total"] == 1
    newest = get(client, "/api/groups?order=first_seen")["groups"][0]["group"]
    assert newest["route"] == SCRIPT
    get(client, "/api/groups?order=none", 422)
    get(client, "/api/groups?show=none", 422)


def test_a_group_and_its_examples(client: Client) -> None:
    """By its id or the beginning of it."""
    found = get(client, f"/api/groups/{TAX_ID[:8]}")
    assert found["group"]["pattern"] == TAX.pattern
    assert found["expected"] is False
    assert len(found["examples"]) == found["group"]["examples"] == 6
    get(client, "/api/groups/0000000000000000", 404)
    get(client, "/api/groups/x", 404)


def test_an_example_in_full(client: Client) -> None:
    """Exact numbers as texts, bodies as they are."""
    found = get(client, f"/api/examples/{example(client)}")
    assert found["request"]["target"] == "/invoices?draft=1"
    assert "Croissants" in found["live"]["body"]["text"]
    (difference,) = found["comparison"]["differences"]
    assert (difference["live"], difference["shadow"]) == ("1.43", "1.42")
    get(client, "/api/examples/999999", 404)
    get(client, f"/api/examples/{2**70}", 404)


def test_har_and_curl(client: Client, shadow: Upstream) -> None:
    """As files and texts; hostile ones, too."""
    for group in (TAX_ID, group_id(NASTY, SCRIPT)):
        number = example(client, group)
        har = client.get(f"/api/examples/{number}/har", base_url="http://localhost")
        assert har.headers["Content-Disposition"] == f'attachment; filename="example-{number}.har"'
        entries = json.loads(har.data)["log"]["entries"]
        assert [entry["comment"] for entry in entries] == ["live", "shadow rewrite"]
        curl = client.get(f"/api/examples/{number}/curl", base_url="http://localhost")
        assert curl.content_type == "text/plain; charset=utf-8"
        assert shadow.url in curl.text


def test_replay(client: Client, shadow: Upstream) -> None:
    """What the shadow says now, and whether the difference is still there."""
    answer = post(client, f"/api/examples/{example(client)}/replay", {})
    assert len(shadow.taken()) == 1
    assert (answer["still"], answer["failure"]) == (False, "")
    assert answer["comparison"]["verdict"] == "headers"
    assert answer["left_out"] == ["Authorization"]
    other = example(client, group_id(CREATED, "customers", "experiment"))
    post(client, f"/api/examples/{other}/replay", {}, 409)
    assert len(shadow.taken()) == 1


def test_accepting(client: Client, tmp_path: Path) -> None:
    """Once; the group is expected from then on."""
    wanted = {"group": TAX_ID, "reason": "Fine.", "owner": "anna", "expires": IN_A_YEAR}
    accepted = post(client, "/api/known", wanted, 201)
    assert accepted["written"]
    assert accepted["text"] in (tmp_path / "known.toml").read_text()
    assert accepted["entry"]["shadow"] == "rewrite"
    assert post(client, "/api/known", wanted, 409)["detail"].endswith("for it already.")
    (entry,) = get(client, "/api/known")["entries"]
    assert (entry["hits"] <= 100, entry["state"], entry["owner"]) == (True, "in force", "anna")
    assert get(client, "/api/groups?show=expected")["total"] == 1
    assert get(client, f"/api/groups/{TAX_ID}")["expected"] is True


def test_accepting_for_all(client: Client) -> None:
    """Shadows and routes; with a limit."""
    wanted = {"group": TAX_ID, "reason": "r", "owner": "o", "expires": IN_A_YEAR}
    accepted = post(client, "/api/known", {**wanted, "everywhere": True, "limit": 5}, 201)
    assert (accepted["entry"]["shadow"], accepted["entry"]["limit"]) == (None, 5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"expires": "2020-01-01"}, "expires: that day is over."),
        ({"expires": "soon"}, "expires: "),
        ({"reason": ""}, "reason: "),
        ({"owner": 1}, "owner: "),
        ({"limit": -1}, "limit: "),
        ({"group": "../x"}, "group: "),
        ({"more": 1}, "unknown field"),
    ],
    ids=str,
)
def test_what_is_not_accepted(client: Client, changed: dict[str, Any], said: str) -> None:
    """With the place of the mistake."""
    wanted = {"group": TAX_ID, "reason": "r", "owner": "o", "expires": IN_A_YEAR}
    assert said in post(client, "/api/known", {**wanted, **changed}, 422)["detail"]


def test_a_register_that_cannot_be_used(client: Client, tmp_path: Path) -> None:
    """Is said, and not overwritten."""
    (tmp_path / "known.toml").write_text("[[known]")
    assert "not valid TOML" in get(client, "/api/known", 409)["detail"]
    wanted = {"group": TAX_ID, "reason": "r", "owner": "o", "expires": IN_A_YEAR}
    post(client, "/api/known", wanted, 409)
    get(client, f"/api/groups/{TAX_ID}", 409)
    assert (tmp_path / "known.toml").read_text() == "[[known]"
    assert get(client, "/api/summary")["state"] == "bad"


def test_a_register_that_cannot_be_written(made: Made, shadow: Upstream, tmp_path: Path) -> None:
    """The entry is handed over, to be put there by somebody."""
    config = config_of(made, shadow, '[compare]\nknown = "none/known.toml"')
    with admin_app(tmp_path, config) as app:
        wanted = {"group": TAX_ID, "reason": "r", "owner": "o", "expires": IN_A_YEAR}
        accepted = post(Client(app), "/api/known", wanted, 202)
    assert accepted["written"] is False
    assert "No such file" in accepted["why_not"]
    assert accepted["text"].startswith("[[known]]")


def test_closing_a_group(client: Client) -> None:
    """And opening it."""
    assert post(client, f"/api/groups/{TAX_ID}", {"state": "closed"})["state"] == "closed"
    assert get(client, "/api/groups?show=closed")["total"] == 1
    assert post(client, f"/api/groups/{TAX_ID}", {"state": "open"})["state"] == "open"
    post(client, f"/api/groups/{TAX_ID}", {"state": "gone"}, 422)
    post(client, "/api/groups/00000000", {"state": "open"}, 404)


def test_the_rest(client: Client) -> None:
    """Exchanges by verdict, coverage, and what can be filtered by."""
    rows = get(client, "/api/exchanges?shadow=experiment")["exchanges"]
    assert [(row["verdict"], row["number"]) for row in rows] == [("body", 8)]
    assert get(client, "/api/coverage")["coverage"]
    found = get(client, "/api/filters")
    assert found["shadows"] == ["rewrite", "experiment"]
    assert "customers" in found["routes"]


@pytest.mark.parametrize(
    "path",
    [f"/api/groups/{TAX_ID}", "/api/examples/1/replay", "/api/known"],
)
def test_what_changes_something_wants_json(client: Client, path: str) -> None:
    """A form, which any page could post, is none."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        answer = client.post(path, data=b"{}", content_type=kind, base_url="http://localhost")
        assert answer.status_code == 415


def test_a_body_is_bounded(client: Client) -> None:
    """A reason is a few lines."""
    wanted = {"group": TAX_ID, "reason": "r" * 20_000, "owner": "o", "expires": IN_A_YEAR}
    post(client, "/api/known", wanted, 413)


@pytest.mark.parametrize("path", ["/", "/api/summary", "/static/dashboard.js", "/healthz", "/x"])
def test_every_answer_says_what_browsers_may_do_with_it(client: Client, path: str) -> None:
    """No inline script or style, no frame, nothing from elsewhere."""
    answer = client.get(path, base_url="http://localhost")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_static_files_are_kept_for_good_and_others_are_not_there(client: Client) -> None:
    """By a URL that changes with them; the licence is among them."""
    page = client.get("/", base_url="http://localhost").text
    urls = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(urls) == 5
    for url in urls:
        answer = client.get(url, base_url="http://localhost")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    licence = client.get("/static/uPlot.LICENSE.txt", base_url="http://localhost")
    assert "MIT License" in licence.text
    for name in ("../app.py", "..%2fapp.py", "base.html", "", "%00"):
        assert client.get(f"/static/{name}", base_url="http://localhost").status_code == 404


def test_without_a_store_programs_are_told_why(shadow: Upstream, tmp_path: Path) -> None:
    """A word beside the text."""
    with admin_app(tmp_path, config_of(None, shadow)) as app:
        found = get(Client(app), "/api/summary", 503)
        assert (found["reason"], found["status"]) == ("off", 503)
        assert get(Client(app), "/api/known") == {"file": None, "entries": []}


@pytest.mark.parametrize("path", ["/groups/nope", "/groups?since=x", "/?verdict=x"])
def test_a_page_that_is_not_there_is_a_page(client: Client, path: str) -> None:
    """For people, with a way back."""
    answer = client.get(path, base_url="http://localhost")
    assert answer.status_code in {404, 422}
    assert answer.content_type == "text/html; charset=utf-8"
    assert "To the overview" in answer.text


def test_a_path_of_nobody_is_a_page_for_browsers_only(client: Client) -> None:
    """Programs get a problem document."""
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = client.get("/nope", base_url="http://localhost", headers=browser)
    assert answer.status_code == 404
    assert "To the overview" in answer.text
    answer = client.get("/nope", base_url="http://localhost", headers={"Accept": "*/*"})
    assert answer.content_type == "application/problem+json"


def test_a_difference_names_what_it_comes_with(tmp_path: Path, shadow: Upstream) -> None:
    """The cause those that follow, and these the cause: one bug is looked at once."""
    total = TAX._replace(pointer="/total", pattern="/total")
    made = Made(f"sqlite:///{tmp_path}/two.db", 0)
    store = Store(made.url)
    for number in range(5):
        both = Comparison(Verdict.BODY, "", (TAX, total)[: 1 + number % 2])
        sides = answer(invoice("1.43"), 0.01), answer(invoice("1.42"), 0.01)
        store.put(Judged("rewrite", copy(number), "invoices", time.time(), *sides, both))
    store.start()
    assert store.close(20)
    with admin_app(tmp_path, config_of(made, shadow)) as app:
        client = Client(app)
        cause, after = (f"/groups/{group_id(each, 'invoices')}" for each in (TAX, total))
        page = client.get(cause, base_url="http://localhost").text
        assert "1 more was only seen together with it" in page
        assert f'href="{after}"' in page
        assert "Look there first" not in page
        page = client.get(after, base_url="http://localhost").text
        assert "Look there first" in page
        assert f'href="{cause}"' in page
