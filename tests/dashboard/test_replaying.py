"""A kept request is sent to its shadow once more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.dashboard.replaying import NoSuchShadow, Replayer
from gateway.compare.verdict import Comparison, Judged, Verdict
from gateway.settings import load
from gateway.shadow.copy import Copy
from tests.dashboard.filling import TAX, answer, copy, invoice
from tests.support.upstream import Upstream, upstream

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"


def said(body: bytes, *fields: bytes) -> bytes:
    more = b"".join(field + b"\r\n" for field in fields)
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def rewrite() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def make(tmp_path: Path, rewrite: Upstream) -> Iterator[Any]:
    made: list[Replayer] = []

    def replayer(more: str = "", url: str = "") -> Replayer:
        (tmp_path / "gateway.toml").write_text(
            f'[live]\nurl = "http://127.0.0.1:9"\n[[shadows]]\nname = "rewrite"\n'
            f'url = "{url or rewrite.url}"\ntimeout = "1s"\n{more}\n'
        )
        made.append(Replayer(load(config=tmp_path / "gateway.toml", environ={}, flags={})))
        return made[-1]

    yield replayer
    for each in made:
        each.close()


def kept(request: Copy | None = None, live: bytes | None = None, shadow: str = "rewrite") -> Judged:
    ours = answer(live or invoice("1.43"), 0.01)
    theirs = answer(invoice("1.42"), 0.01)
    comparison = Comparison(Verdict.BODY, "", (TAX,))
    return Judged(shadow, request or copy(1), "invoices", 0.0, ours, theirs, comparison)


def test_the_shadow_gets_what_it_would_get_of_a_client(make: Any, rewrite: Upstream) -> None:
    """By its rules, with its mark; what was redacted is left out."""
    rewrite.script = lambda request: said(invoice("1.43"))
    replayed = make('[shadows.headers]\nset = { X-Env = "shadow" }').replay(kept())
    (received,) = rewrite.taken()
    assert received.line == b"POST /invoices?draft=1 HTTP/1.1"
    assert received.body == b"{}"
    assert received.values("X-Env") == ["shadow"]
    assert received.values("X-Shadow-Request") == ["req-000001"]
    assert received.values("X-Customer") == ["c-1001"]
    assert received.values("Authorization") == []
    assert replayed.left_out == ("Authorization",)


@pytest.mark.parametrize(
    ("tax", "verdict"), [("1.43", Verdict.MATCH), ("1.42", Verdict.BODY)], ids=["fixed", "not"]
)
def test_the_new_answer_is_compared_with_what_live_said(
    make: Any, rewrite: Upstream, tax: str, verdict: Verdict
) -> None:
    """Live itself is not asked."""
    rewrite.script = lambda request: said(invoice(tax))
    replayed = make().replay(kept())
    comparison = replayed.judged.comparison
    assert comparison.verdict is verdict
    assert [each.pointer for each in comparison.differences] == ["/lines/0/tax"] * (tax == "1.42")


def test_a_new_answer_is_redacted_too_and_compared_by_what_is_left(
    make: Any, rewrite: Upstream
) -> None:
    """Type and length; the value is in no hands."""
    live = b'{"token": "redacted:text:6:0123456789abcdef"}'
    replayer = make()
    rewrite.script = lambda request: said(b'{"token": "secret"}', b"Set-Cookie: id=123")
    replayed = replayer.replay(kept(live=live))
    assert replayed.judged.answer is not None
    assert b"secret" not in (replayed.judged.answer.body or b"")
    assert "123" not in dict(replayed.judged.answer.fields)["Set-Cookie"]
    pointers = {each.pointer for each in replayed.judged.comparison.differences}
    assert "/token" not in pointers
    rewrite.script = lambda request: said(b'{"token": "another secret"}')
    differences = replayer.replay(kept(live=live)).judged.comparison.differences
    pointers = {each.pointer for each in differences}
    assert pointers == {"/token"}


def test_a_shadow_that_does_not_answer(make: Any, rewrite: Upstream) -> None:
    """The word for it is the ledger's, and the verdict the comparison's."""
    rewrite.script = lambda request: None
    replayed = make().replay(kept())
    assert replayed.failure == "reset"
    assert replayed.judged.answer is None
    assert replayed.judged.comparison.verdict is Verdict.SHADOW_FAILED
    rewrite.script = lambda request: lambda connection: rewrite.stopping.wait(5)
    replayed = make("breaker_failures = 0").replay(kept())
    assert replayed.failure == "timed_out"
    assert replayed.judged.comparison.verdict is Verdict.TIMED_OUT


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(copy(1)._replace(method="G E T"), id="method"),
        pytest.param(copy(1)._replace(target="/a b\r\nX: y"), id="target"),
        pytest.param(copy(1)._replace(fields=(("X\r\nY", "1"),)), id="field"),
    ],
)
def test_what_is_no_request_is_not_sent(make: Any, rewrite: Upstream, request_: Copy) -> None:
    """It may come from a store that somebody else wrote."""
    assert make().replay(kept(request_)).failure
    assert rewrite.taken() == []


def test_a_shadow_that_is_gone(make: Any) -> None:
    """From the settings."""
    with pytest.raises(NoSuchShadow):
        make().replay(kept(shadow="old"))
