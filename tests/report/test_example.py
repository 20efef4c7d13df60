"""One example of a group as a test, a HAR, a curl command; each is run for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.compare.answer import Answer
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Comparison, Judged, Verdict
from gateway.report.example import NoExample, exported, smallest
from gateway.settings.comparison import Compare, Redact
from gateway.store.reader import Reader, open_reader
from gateway.store.values import Example, Group
from tests.support.exchanges import (
    MATCHING,
    WRONG,
    answer,
    fill,
    judged,
    request,
    sqlite,
)
from tests.support.upstream import Received, Upstream, upstream

ORDER = request("/invoices?x=1", body={"customer": "c-1001", "lines": []})


@contextmanager
def reading(folder: Path, exchanges: Iterable[Judged]) -> Iterator[Reader]:
    with open_reader(fill(sqlite(folder), exchanges)) as reader:
        yield reader


def of(reader: Reader, pattern: str) -> tuple[Group, Example]:
    group = next(each for each in reader.groups().groups if each.pattern == pattern)
    return group, smallest(reader, group)


def says(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return (
        f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def run_test(folder: Path, text: str, target: Upstream) -> subprocess.CompletedProcess[str]:
    """As a developer would, in a folder of its own."""
    (folder / "test_exported.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_exported.py"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "BASE_URL": target.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def exported_test(tmp_path: Path) -> str:
    exchange = judged(answer(MATCHING), answer(WRONG), copy=ORDER)
    with reading(tmp_path, [exchange]) as reader:
        group, example = of(reader, "/vat")
        return exported(example, group, "pytest", "http://127.0.0.1:1")


def test_the_test_fails_as_long_as_the_bug_is_there(exported_test: str, tmp_path: Path) -> None:
    """Against the rewrite as it is: one place fails, and it is named."""
    with upstream(lambda received: says(WRONG)) as rewrite:
        done = run_test(tmp_path, exported_test, rewrite)
    assert done.returncode == 1, done.stdout
    assert "test_json[/vat]" in done.stdout
    assert "1 failed" in done.stdout


def test_the_test_passes_once_it_is_fixed(exported_test: str, tmp_path: Path) -> None:
    """And sends the request as it was."""
    with upstream(lambda received: says(MATCHING)) as fixed:
        done = run_test(tmp_path, exported_test, fixed)
        (received,) = fixed.taken()
    assert done.returncode == 0, done.stdout
    assert (received.method, received.target, received.body) == (
        "POST",
        b"/invoices?x=1",
        ORDER.body,
    )


def test_the_test_is_about_its_own_group_only(exported_test: str, tmp_path: Path) -> None:
    """The total is another group's: somebody may fix one before the other."""
    with upstream(lambda received: says(WRONG | {"vat": MATCHING["vat"]})) as half_fixed:
        done = run_test(tmp_path, exported_test, half_fixed)
    assert done.returncode == 0, done.stdout


def test_the_smallest_example_is_taken(tmp_path: Path) -> None:
    """What is easiest to read."""
    large = judged(answer(MATCHING | {"text": "x" * 500}), answer(WRONG | {"text": "x" * 500}))
    small = judged(answer(MATCHING), answer(WRONG))
    with reading(tmp_path, [large, small, large]) as reader:
        assert of(reader, "/vat")[1].judged.live == small.live


def test_the_har_has_both_sides(tmp_path: Path) -> None:
    """Live first, each with its name."""
    with reading(tmp_path, [judged(answer(MATCHING), answer(WRONG), copy=ORDER)]) as reader:
        group, example = of(reader, "/vat")
        entries = json.loads(exported(example, group, "har", ""))["log"]["entries"]
    assert [each["comment"] for each in entries] == ["live", "rewrite"]
    bodies = [json.loads(each["response"]["content"]["text"]) for each in entries]
    assert bodies == [MATCHING, WRONG]


def test_the_curl_command_sends_it(tmp_path: Path) -> None:
    """Run by a shell, it arrives as it was."""
    with (
        reading(tmp_path, [judged(answer(MATCHING), answer(WRONG), copy=ORDER)]) as reader,
        upstream() as target,
    ):
        group, example = of(reader, "/vat")
        text = exported(example, group, "curl", target.url)
        subprocess.run(["sh", "-c", text], check=True, capture_output=True, timeout=30)
        (received,) = target.taken()
    assert (received.method, received.body) == ("POST", ORDER.body)


def test_what_was_redacted_is_said(tmp_path: Path) -> None:
    """In the test and above the command; the secret is in neither."""
    copy = request("/invoices", body={"name": "Ada"}, fields=(("Authorization", "Bearer s3cret"),))
    exchange = judged(answer(MATCHING), answer(WRONG), copy=copy)
    config = Compare(redact=Redact(paths=("$.name",)))
    redacted = Redactor(config, b"k" * 32).redacted(exchange)
    with reading(tmp_path, [redacted]) as reader:
        group, example = of(reader, "/vat")
        for form in ("pytest", "curl"):
            text = exported(example, group, form, "http://127.0.0.1:1")  # type: ignore[arg-type]
            assert "put in by hand: its body, the field Authorization" in text
            assert "s3cret" not in text
            assert "Ada" not in text


def test_a_value_that_was_redacted_is_not_expected(tmp_path: Path) -> None:
    """Nobody can answer with a digest."""
    config = Compare(redact=Redact(paths=("$.vat",)))
    redacted = Redactor(config, b"k" * 32).redacted(judged(answer(MATCHING), answer(WRONG)))
    with reading(tmp_path, [redacted]) as reader, upstream(lambda r: says(WRONG)) as target:
        group, example = of(reader, "/vat")
        text = exported(example, group, "pytest", target.url)
        assert "Of 1 places live's value was redacted" in text
        assert run_test(tmp_path, text, target).returncode == 0


def test_a_copy_that_was_not_in_time_is_given_the_time_that_the_shadow_had(tmp_path: Path) -> None:
    """A test that waits for half a minute would be green before anything is mended."""
    late = judged(answer(MATCHING), None, verdict=Comparison(Verdict.TIMED_OUT, "timed_out"))
    mended = Event()

    def slow(received: Received) -> bytes:
        mended.wait(20)
        return says(MATCHING)

    with reading(tmp_path, [late]) as reader, upstream(slow) as target:
        group, example = of(reader, "timed_out")
        text = exported(example, group, "pytest", target.url, 0.5)
        try:
            assert run_test(tmp_path, text, target).returncode == 1
        finally:
            mended.set()
        assert run_test(tmp_path, text, target).returncode == 0


def test_a_body_that_was_not_kept_is_not_tested_and_that_is_said(tmp_path: Path) -> None:
    """Or the test would be green, and nobody knew why."""
    live, shadow = (Answer(200, (), b"", 5, 0.01)._replace(body=text) for text in (b"ham", b"spam"))
    with reading(tmp_path, [judged(live, shadow)]) as reader:
        group, example = of(reader, "")
        text = exported(example, group, "pytest", "")
        assert "EXPECTED_BODY = b'ham'" in text
        assert "too large" not in text
        without = example.judged._replace(live=live._replace(body=None))
        text = exported(Example(example.head, without), group, "pytest", "")
        assert "Live's body was too large to be kept: it is not tested." in text


def test_without_an_answer_of_live_there_is_nothing_to_expect(tmp_path: Path) -> None:
    """It is said, and no empty test is made."""
    with reading(tmp_path, [judged(answer(MATCHING), None)]) as reader:
        group, example = of(reader, "refused")
        without = Example(example.head, example.judged._replace(live=None))
        with pytest.raises(NoExample, match="live gave no answer"):
            exported(without, group, "pytest", "")
        # Live's answer alone is something: its status is demanded.
        assert "STATUS = 200" in exported(example, group, "pytest", "")


def test_no_example_is_said(tmp_path: Path) -> None:
    """They are pruned before the counts."""
    with reading(tmp_path, [judged(answer(MATCHING), answer(WRONG))]) as reader:
        group, _ = of(reader, "/vat")
        with pytest.raises(NoExample, match="kept"):
            smallest(reader, replace(group, id="f" * 16))
