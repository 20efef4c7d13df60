"""docs/embedding.md and docs/api.md: run, and compared with the code."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gateway
from gateway import Gateway, MirrorMiddleware
from tests.embedded.hosts import HOSTS
from tests.support.upstream import upstream
from tests.support.waiting import wait_for
from tests.support.wsgi import ask

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?s)```python\n(.*?)```", PAGE)


def generator() -> ModuleType:
    path = ROOT / "scripts" / "generate_api_reference.py"
    spec = importlib.util.spec_from_file_location("generate_api_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date() -> None:
    """Otherwise: make api"""
    made = generator()
    assert made.PAGE.read_text(encoding="utf-8") == made.page()


def test_the_reference_has_everything_that_is_exported() -> None:
    """And nothing in it is without a word."""
    page = generator().page()
    for name in set(gateway.__all__) - {"__version__"}:
        assert f"### `{name}`" in page
    assert "```\n\n\n" not in page


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"old"]


@pytest.mark.parametrize("block", BLOCKS, ids=[str(n) for n in range(len(BLOCKS))])
def test_each_example_runs(block: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With upstreams that are there."""
    with upstream() as shadow, upstream() as live:
        block = block.replace("http://billing-next:8000", shadow.url)
        block = block.replace("http://billing:8000", live.url)
        block = block.replace("/run/billing", str(tmp_path))
        scope: dict[str, Any] = {"application": application}
        exec(block, scope)
        try:
            answer = ask(scope["application"], PATH_INFO="/billing/v1/x")
            if "billing" in scope:
                assert answer[2] == b"ok"
                assert live.taken()[0].target == b"/billing/v1/x"
            else:
                assert answer[2] == b"old"
            if "/metrics" in block:
                told = ask(scope["application"], PATH_INFO="/metrics")[2]
                assert (
                    b'gateway_requests_total{method="GET",route="default",status="200"} 1' in told
                )
            if "off=True" not in block:
                wait_for(shadow.taken, "the copy")
            if "on_verdict" in block:
                assert shadow.taken()[0].target == b"/billing/v2/x"
                wait_for(lambda: "/billing/v2/x body" in capsys.readouterr().out, "the verdict")
        finally:
            for each in scope.values():
                if isinstance(each, Gateway | MirrorMiddleware):
                    each.close()


def test_the_page_names_the_servers_that_are_tested() -> None:
    """Each has a row."""
    for name in HOSTS:
        assert name.split()[0] in PAGE


def test_links_lead_to_what_is_there() -> None:
    """Examples and pages."""
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
