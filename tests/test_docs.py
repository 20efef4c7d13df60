"""README and docs/: what they show is run, what they list is compared with the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from werkzeug.test import Client

from gateway import __version__
from gateway.admin import app as admin_app
from gateway.cli import main
from gateway.metrics import METRICS
from gateway.middleware.validation import Validation as ValidationMiddleware
from gateway.routes import RouteTable
from gateway.settings import Settings, load
from gateway.settings.overrides import CONFIG_VARIABLE, SHORT_NAMES, variable_names
from gateway.settings.validation import Validation
from gateway.shadow.outcome import Outcome
from gateway.validation.rejection import Reason
from tests.support.transports import DIFFERENCES
from tests.support.upstream import upstream

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
PROSE = {document.relative_to(ROOT).as_posix(): document.read_text() for document in DOCUMENTS}
COMMANDS = (
    (),
    ("run",),
    ("check",),
    ("reload",),
    ("shadow",),
    ("record",),
    ("replay",),
    ("report",),
    ("export",),
    ("recheck",),
    *(("keys", c) for c in ("add", "list", "revoke")),
)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in one language, "" for none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for marked, block in fenced if marked == language]


def table(header: str, page: str = README) -> list[list[str]]:
    """The rows of a page's table with this first line, without code marks."""
    lines = page.split(f"\n{header}\n", 1)[1].splitlines()[1:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


def help_of(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def setting_names(model: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """(table, key) of every setting in a table of its own."""
    for part in msgspec.structs.fields(model):
        if isinstance(part.type, type) and issubclass(part.type, msgspec.Struct):
            for field in msgspec.structs.fields(part.type):
                yield part.name, field.name


def validation_files(folder: Path) -> None:
    """The files that the page on validation shows."""
    (folder / "schemas").mkdir()
    for name, language in (("schemas/invoice.json", "json"), ("openapi.yaml", "yaml")):
        (folder / name).write_text(blocks(PROSE["docs/validation.md"], language)[0])


@pytest.mark.parametrize("name", [name for name in PROSE if blocks(PROSE[name], "toml")])
def test_settings_examples_load(name: str, tmp_path: Path) -> None:
    """Every TOML block is a settings file that the gateway would start with.

    That of a mirror in an application has no live upstream.
    """
    live = "http://live.test" if name == "docs/embedding.md" else None
    (tmp_path / "credentials").write_text("# nobody\n")
    validation_files(tmp_path)
    for number, block in enumerate(blocks(PROSE[name], "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        load(config=file, environ={}, flags={}, live=live)


def test_the_readme_example_says_what_its_comments_say(tmp_path: Path) -> None:
    """The example's values arrive where a reader expects them."""
    (tmp_path / "gateway.toml").write_text(blocks(README, "toml")[0])
    settings = load(config=tmp_path / "gateway.toml", environ={}, flags={})
    (shadow,) = settings.shadows
    assert (settings.live.read_timeout, shadow.timeout, shadow.max_body) == (60, 5, 2**20)
    assert (shadow.name, shadow.percent, shadow.host) == ("rewrite", 10, "upstream")
    assert (settings.routes[0].mirror, settings.server.workers) == (False, 4)


def test_every_flag_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """No flag of `gateway` is named in prose or examples that --help does not list."""
    known = set(re.findall(r"--[a-z-]+", "".join(help_of(each, capsys) for each in COMMANDS)))
    shown = set()
    for text in PROSE.values():
        for line in re.findall(
            r"`(--[^`]+)`|gateway"
            r"((?: (?:run|check|reload|shadow|keys|record|replay)\b[^`\n]*))",
            text,
        ):
            shown |= set(re.findall(r"--[a-z-]+", "".join(line)))
    assert shown - known == set()
    assert "--probe" in shown


def test_the_readme_lists_every_flag_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is `gateway run --help`, line for line."""
    listed = [row[0] for row in table("| `gateway run` | meaning | default |")]
    offered = re.findall(r"^  (--[a-z-]+ [A-Z:]+)", help_of(("run",), capsys), re.MULTILINE)
    assert listed == offered


def test_the_readme_lists_the_defaults_of_run() -> None:
    """The table's defaults are the settings' own."""
    listed = {row[0].split()[0]: row[2] for row in table("| `gateway run` | meaning | default |")}
    defaults = load(config=None, environ={}, flags={"live": "http://live"})
    for name, (part, key) in SHORT_NAMES.items():
        if name != "live":
            flag = f"--{name.replace('_', '-')}"
            assert listed[flag] == str(getattr(getattr(defaults, str(part)), str(key)))


def test_the_page_on_metrics_lists_every_metric() -> None:
    """Names and labels, both ways."""
    listed = {
        row[0]: tuple(row[1].split(", ")) if row[1] else ()
        for row in table("| metric | labels | what it counts |", PROSE["docs/metrics.md"])
    }
    assert listed == {name: declared.labels for name, declared in METRICS.items()}


def test_metrics_named_in_prose_exist() -> None:
    """A metric in a query that does not exist would be an empty graph."""
    named = set(re.findall(r"\bgateway_\w+", "".join(PROSE.values())))
    series = {
        f"{name}_{part}"
        for name, declared in METRICS.items()
        for part in ("bucket", "count", "sum")
        if declared.kind == "histogram"
    }
    assert named - set(METRICS) - series == set()


def test_the_page_on_metrics_lists_the_ledger() -> None:
    """Every outcome with every reason, in the order of the code."""
    listed, outcome = [], ""
    for row in table("| outcome | reason | the request was |", PROSE["docs/metrics.md"]):
        outcome = row[0] or outcome
        listed.append((outcome, row[1]))
    assert listed == [(each.outcome, each.reason) for each in Outcome]


def test_the_readme_lists_the_four_outcomes() -> None:
    """In the order of the code."""
    listed = [row[0] for row in table("| outcome | the request was |")]
    assert listed == list(dict.fromkeys(each.outcome for each in Outcome))


def test_the_page_on_the_admin_listener_lists_it() -> None:
    """Every path and method it answers."""
    rows = table("| request | answer |", PROSE["docs/admin.md"])
    listed = {row[0].replace("NAME", "<name>") for row in rows}
    served = {
        f"{method} {rule.rule}"
        for rule in admin_app._ROUTES.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed == served


def test_settings_named_in_prose_exist() -> None:
    """`server.graceful_timeout` and the like."""
    known = {".".join(name) for name in setting_names(Settings)}
    named = set(
        re.findall(
            r"`((?:live|server|request|mirror|authentication)\.\w+)`", "".join(PROSE.values())
        )
    )
    assert named - known == set()
    assert named


def test_the_differences_between_transports_are_those_of_the_tests() -> None:
    """Row by row: a difference that no test knows of would be a guess."""
    page = PROSE["docs/transports.md"].split('| with `transport = "urllib3"` | because |', 1)[1]
    rows = re.findall(r"^\| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(difference.what, difference.why) for difference in DIFFERENCES]


def test_environment_variables_named_in_prose_exist() -> None:
    """A misspelt one would stop the start."""
    known = {*variable_names(), CONFIG_VARIABLE, "GATEWAY_SHADOW", "GATEWAY_PERCENT"}
    # The reference also names variables that are not ours; it has a test of its own.
    prose = "".join(text for name, text in PROSE.items() if name != "docs/settings.md")
    named = set(re.findall(r"\bGATEWAY_[A-Z_]+", prose))
    assert named - known == set()


def test_the_page_on_validation_lists_every_reason() -> None:
    """With the status of each, in the order of the code."""
    page = PROSE["docs/validation.md"]
    listed = re.findall(r"^\| `(\w+)` \| [0-9 or]+ \|", page, re.MULTILINE)
    assert listed == [reason.value for reason in Reason]


def test_the_page_on_validation_shows_what_is_answered(tmp_path: Path) -> None:
    """The schema, the body and the answer belong together."""
    page = PROSE["docs/validation.md"]
    validation_files(tmp_path)
    config = Validation(schema=str(tmp_path / "schemas" / "invoice.json"))
    app = ValidationMiddleware(lambda *_: [], RouteTable((), config), max_body=1000)
    (body,) = re.findall(r"^the body `(.*)` is answered$", page, re.MULTILINE)
    answer = Client(app).post("/invoices", data=body, content_type="application/json")
    (shown,) = (json.loads(block) for block in blocks(page, "problem"))
    assert answer.json == {**shown, "request_id": (answer.json or {})["request_id"]}


def test_the_readme_leads_to_every_page() -> None:
    """A page that nothing leads to is not found."""
    linked = set(re.findall(r"\]\((docs/[^)#]+)", README))
    assert {name for name in PROSE if name.count("/") == 1} <= linked


def test_make_targets_named_in_prose_exist() -> None:
    """`make …` in the README is something the Makefile can make."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", "".join(PROSE.values())))
    assert named - targets == set()
    assert {"run", "test", "demo-traffic"} <= named


def test_make_help_lists_every_target() -> None:
    """Derived from the comments, so a target without one is missing there."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, timeout=10, check=True)
    assert set(re.findall(r"^  make ([a-z-]+) ", done.stdout.decode(), re.MULTILINE)) == phony


def test_the_readme_shows_what_make_run_prints() -> None:
    """The first screen's excerpt, line for line up to an ellipsis."""
    program = (
        "import pathlib, run; ports = run.Ports(9001, 9002, 8000, 9900);"
        "print(run.instructions(ports, pathlib.Path('/tmp/gateway-demo/gateway.toml')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "scripts" / "demo",
        capture_output=True,
        timeout=20,
        check=True,
    )
    printed = done.stdout.decode().splitlines()
    excerpt = next(block for block in blocks(README, "") if block.startswith("Gateway is running"))
    for line in excerpt.splitlines():
        assert any(each.startswith(line.rstrip("…").rstrip()) for each in printed), line


@pytest.mark.parametrize("name", PROSE)
def test_links_inside_the_repository_resolve(name: str) -> None:
    """Relative links lead to files that exist."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", PROSE[name])
    missing = [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert missing == []


def test_the_changelog_begins_with_this_version() -> None:
    """The newest entry is about the version in the code."""
    newest = re.findall(r"^## (\S+)", PROSE["CHANGELOG.md"], re.MULTILINE)[0]
    assert newest == __version__


def test_the_embedding_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands: the prefix goes to the new service, the rest stays."""

    def legacy(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"legacy"]

    (example,) = blocks(README, "python")
    with upstream() as billing:
        (tmp_path / "gateway.toml").write_text(f'[live]\nurl = "{billing.url}"\n')
        monkeypatch.chdir(tmp_path)
        scope: dict[str, Any] = {"application": legacy}
        exec(example, scope)
        client = Client(scope["application"])
        try:
            assert client.get("/other").data == b"legacy"
            assert client.get("/invoices/7?x=1").data == b"ok"
        finally:
            scope["invoices"].close()
    assert [received.target for received in billing.taken()] == [b"/invoices/7?x=1"]
