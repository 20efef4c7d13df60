"""The Grafana dashboard and the alert rules name metrics, labels and values that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.metrics import METRICS
from gateway.shadow.outcome import Outcome

DOCS = Path(__file__).parent.parent / "docs"
DASHBOARD = json.loads((DOCS / "grafana" / "gateway.json").read_text())
RULES_FILE = DOCS / "alerts" / "gateway.rules.yml"
RULES = [
    rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

# What Prometheus adds to every sample, and its histograms' bound.
EVERYWHERE = {"job", "instance", "le"}
# Prometheus' own metric about each target.
FOREIGN = {"up"}
# Labels whose values are a fixed set of ours.
VALUES = {
    "outcome": {outcome.outcome for outcome in Outcome},
    "state": {"serving", "draining"},
}


class Expression(NamedTuple):
    """Where it stands, and what it says."""

    where: str
    text: str


def expressions() -> Iterator[Expression]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield Expression(panel["title"], target["expr"])
    for rule in RULES:
        yield Expression(rule["alert"], rule["expr"])


EXPRESSIONS = list(expressions())
rows = pytest.mark.parametrize(
    "expression", EXPRESSIONS, ids=[f"{n}-{e.where}" for n, e in enumerate(EXPRESSIONS)]
)


def metric_of(series: str) -> str:
    """The metric of a series: a histogram has three."""
    base = re.sub(r"_(bucket|sum|count)$", "", series)
    histogram = base in METRICS and METRICS[base].kind == "histogram"
    return base if histogram else series


def selectors(text: str) -> Iterator[tuple[str, str]]:
    """Series and what stands in their braces."""
    for match in re.finditer(r"\b(gateway_\w+|up)\b(?:\{([^}]*)\})?", text):
        yield match[1], match[2] or ""


@rows
def test_every_metric_exists(expression: Expression) -> None:
    """A graph of one that does not is empty, and an alert on it never comes."""
    found = {metric_of(series) for series, _ in selectors(expression.text)}
    assert found
    assert found <= set(METRICS) | FOREIGN


@rows
def test_every_label_is_one_of_the_metric(expression: Expression) -> None:
    """In selectors, and where they are grouped by or matched on."""
    known = set(EVERYWHERE)
    for series, braces in selectors(expression.text):
        labels = set(METRICS[metric_of(series)].labels if series not in FOREIGN else ())
        named = set(re.findall(r"(\w+)\s*[=!]~?\s*\"", braces))
        assert named <= labels | EVERYWHERE, series
        known |= labels
    for names in re.findall(
        r"\b(?:by|on|ignoring|group_left|without)\s*\(([^)]*)\)", expression.text
    ):
        assert {name.strip() for name in names.split(",") if name.strip()} <= known


@rows
def test_every_value_can_occur(expression: Expression) -> None:
    """Of the labels whose values are fixed."""
    for _, braces in selectors(expression.text):
        for label, value in re.findall(r"(\w+)\s*[=!]~?\s*\"([^\"]*)\"", braces):
            if label in VALUES and "$" not in value:
                assert set(value.split("|")) <= VALUES[label]


@rows
def test_counters_are_looked_at_by_their_rate_and_gauges_are_not(expression: Expression) -> None:
    """The sum of a counter says how long the gateway has run, and nothing else."""
    for series, _ in selectors(expression.text):
        if series in FOREIGN:
            continue
        kind = METRICS[metric_of(series)].kind
        within = re.search(rf"(?:rate|increase)\(\s*{series}\b", expression.text) is not None
        assert within is (kind != "gauge"), series


def test_every_metric_is_on_the_dashboard() -> None:
    """What is worth counting is worth a look."""
    shown = {
        metric_of(series)
        for panel in PANELS
        for target in panel["targets"]
        for series, _ in selectors(target["expr"])
    }
    assert set(METRICS) - shown == set()


def test_the_dashboard_is_well_formed() -> None:
    """Ids differ, panels do not overlap, and legends use labels that are there."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    for panel in PANELS:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
                assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]), panel["title"]


def test_variables_of_the_dashboard_exist() -> None:
    """Those that are used are declared, and filled from metrics that have the label."""
    declared = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == set(declared)
    for name, variable in declared.items():
        if variable["type"] == "query":
            match = re.fullmatch(
                r"label_values\((\w+)(?:\{[^}]*\})?, (\w+)\)", variable["query"]["query"]
            )
            assert match is not None
            assert match[2] == name
            assert name in EVERYWHERE | set(METRICS[match[1]].labels)


def test_every_alert_says_what_it_means() -> None:
    """To whoever it wakes up."""
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"].endswith(".")
        for label in re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])):
            assert label in rule["expr"] or label == "worker"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")
def test_promtool_takes_them_all(tmp_path: Path) -> None:
    """The rules as they are, and the dashboard's expressions as rules."""
    records = [
        {
            "record": f"panel:{number}",
            "expr": text.replace("$__rate_interval", "5m").replace("$job", ".*"),
        }
        for number, (_, text) in enumerate(EXPRESSIONS)
    ]
    document: dict[str, Any] = {"groups": [{"name": "panels", "rules": records}]}
    panels = tmp_path / "panels.yml"
    panels.write_text(yaml.safe_dump(document))
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES_FILE), str(panels)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
