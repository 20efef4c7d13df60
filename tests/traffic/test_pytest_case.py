"""Differences as tests: what is written is run, by pytest, against real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Difference, Judged, Kind, Part
from gateway.settings.comparison import ArrayRule, Compare, Redact
from gateway.shadow.copy import Copy
from gateway.traffic.pytest_case import file_name, pytest_case
from tests.support.upstream import Received, upstream
from tests.traffic.exchanges import AT, answer, copy


def wire(given: Answer) -> bytes:
    head = [f"HTTP/1.1 {given.status} x", f"Content-Length: {len(given.body or b'')}"]
    head += [f"{name}: {value}" for name, value in given.fields]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + (given.body or b"")


def run(text: str, folder: Path, by: Answer, **env: str) -> tuple[int, str, list[Received]]:
    """pytest's exit status and output for a test of this text, with a server that answers so."""
    path = folder / "test_case.py"
    path.write_text(text, encoding="ascii")
    with upstream(lambda request: wire(by)) as server:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=folder,
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "BASE_URL": f"{server.url}/base",
                **env,
            },
        )
        return done.returncode, done.stdout + done.stderr, server.taken()


def case(
    live: Answer, shadow: Answer, request: Copy | None = None, config: Compare = Compare()
) -> str:
    """The test that comes of two answers, redacted as everything that is exported."""
    request = request or copy()
    comparison = Comparer(config).compare(request, live, shadow)
    judged = Redactor(config, b"k" * 16).redacted(
        Judged("s", request, "", AT, live, shadow, comparison)
    )
    assert judged.live is not None
    return pytest_case(judged.request, judged.live, judged.comparison.differences)


def document(value: Any, *fields: tuple[str, str], status: int = 200) -> Answer:
    return answer(
        json.dumps(value).encode(), ("Content-Type", "application/json"), *fields, status=status
    )


TEXT = (("Content-Type", "text/plain"),)

PAIRS = [
    (document({"total": 10, "id": 1}), document({"total": 11, "id": 2})),
    (document({"a": {"b/c": [1, {"~": "x"}]}}), document({"a": {"b/c": [1, {"~": "y"}]}})),
    (document({"total": 10}), document({"total": "10"})),
    (document({"total": 10}), document({})),
    (document({}), document({"total": 10})),
    (document({"n": None}), document({"n": 0})),
    (document([1, 2]), document([1])),
    (document({"a": 1}), document({"a": 1}, status=500)),
    (document({"a": 1}, ("X-Total", "1")), document({"a": 1}, ("X-Total", "2"))),
    (document({"a": 1}, ("X-Total", "1")), document({"a": 1})),
    (document({"a": 1}), document({"a": 1}, ("X-Total", "1"))),
    (document({"a": 1}, ("Set-Cookie", "a=1; Path=/")), document({"a": 1})),
    (answer(b"one\xff", *TEXT), answer(b"two\xff", *TEXT)),
    (document({"password": "one"}), document({})),
    (document({"s": "'\"\\\n\u202e\x00é"}), document({"s": ""})),
]


@pytest.mark.parametrize(
    ("live", "shadow"),
    PAIRS,
    ids=[
        *("value", "pointer", "type", "missing", "added", "null", "shorter", "status"),
        *("field", "field-missing", "field-added", "cookie", "bytes", "redacted", "text"),
    ],
)
def test_it_passes_for_live_and_fails_for_the_shadow(
    live: Answer, shadow: Answer, tmp_path: Path
) -> None:
    """Which is what makes it a test of the difference."""
    text = case(live, shadow)
    folders = tmp_path / "live", tmp_path / "shadow"
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor() as both:
        passes, fails = both.map(run, (text, text), folders, (live, shadow))
    assert passes[0] == 0, passes[1]
    assert fails[0] == 1, fails[1]


def test_it_sends_the_request(tmp_path: Path) -> None:
    """To the base URL and its path, with the body; what was redacted is missing."""
    request = copy(
        "POST",
        "/a%2F?x=1",
        ("Authorization", "Bearer secret"),
        ("X-A", "caf\xe9"),
        ("x-a", "2"),
        body=b"\x00\xff",
    )
    live, shadow = PAIRS[0]
    text = case(live, shadow, request)
    assert "secret" not in text
    _, output, (received,) = run(text, tmp_path, live)
    assert received.line == b"POST /base/a%2F?x=1 HTTP/1.1", output
    assert received.body == b"\x00\xff"
    assert received.values("x-a") == ["caf\xe9", "2"]
    assert received.values("authorization") == []
    _, _, (received,) = run(text, tmp_path, live, AUTHORIZATION="Bearer other")
    assert received.values("authorization") == ["Bearer other"]


@pytest.mark.parametrize(
    "evil",
    ['"""\nopen("pwned", "w")\n"""', "'; open('pwned', 'w'); '", "{title}", "\\", "\n#", "é\u202e"],
)
def test_nothing_that_came_from_outside_is_more_than_a_value(evil: str, tmp_path: Path) -> None:
    """In names, paths, values, titles: the file is the same program."""
    raw = evil.encode().decode("latin-1")
    target = "/" + "".join(char for char in raw if char > " ")
    request = copy("GET", target, ("X-A", raw.replace("\n", " ")), body=raw.encode("latin-1"))
    live = document({evil: evil})
    differences = [Difference(Part.BODY, Kind.VALUE, f"/{evil}", evil, evil, None)]
    text = pytest_case(request, live, differences, title=evil, base_url="http://x" + evil)
    run(text, tmp_path, live)
    compile(text, "test_case.py", "exec")
    assert not (tmp_path / "pwned").exists()
    assert text.isascii()


@pytest.mark.parametrize(
    "value",
    [Decimal("1E+400"), Decimal("10.10"), 1.5, float("nan"), float("inf"), True, [{"a": (1,)}]],
    ids=repr,
)
def test_any_value_can_be_written(value: Any) -> None:
    """As Python that stands for it."""
    difference = Difference(Part.BODY, Kind.VALUE, "/a", "/a", value, None)
    compile(pytest_case(copy(), document({}), [difference]), "test_case.py", "exec")


def test_items_that_were_matched_by_a_key(tmp_path: Path) -> None:
    """The pointer is that of live's document."""
    config = Compare(arrays=(ArrayRule(path="$", key="id"),))
    live = document([{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    shadow = document([{"id": 2, "n": 2}, {"id": 1, "n": 9}])
    text = case(live, shadow, config=config)
    assert run(text, tmp_path, live)[0] == 0
    assert run(text, tmp_path, shadow)[0] == 1


def test_redacted_paths_ask_for_presence_only(tmp_path: Path) -> None:
    """The value is not to be known; that there is one, is."""
    config = Compare(redact=Redact(paths=("$.name",)))
    text = case(document({"name": "Ada"}), document({}), config=config)
    assert "Ada" not in text
    assert run(text, tmp_path, document({"name": "Bob"}))[0] == 0
    assert run(text, tmp_path, document({}))[0] == 1


def test_the_file_has_a_name_that_pytest_finds() -> None:
    """And a person recognises."""
    request = copy("POST", "/Invoices/4711/lines?secret=1")
    assert file_name(request) == "test_post_invoices_4711_lines.py"
    assert file_name(copy("GET", "/" + "x" * 500)).endswith("x.py")
    assert file_name(copy("GET", "/../é\n")) == "test_get.py"
