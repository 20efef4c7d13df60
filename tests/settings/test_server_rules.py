"""What the server and the transport cannot do is said when settings are read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import server_rules
from tests.settings.loading import LIVE, problems_in

UNIX = """
transport = "urllib3"
[live]
url = "http://a"
[[shadows]]
url = "http+unix://%2Frun%2Fshadow.sock"
[[routes]]
path = "/r"
live = { url = "http+unix://%2Frun%2Froute.sock" }
"""


def test_urllib3_has_no_unix_sockets(tmp_path: Path) -> None:
    """For any upstream, each named."""
    problems = problems_in(tmp_path, UNIX)
    assert len(problems) == 2
    for problem, key in zip(problems, ["shadows[0].url", "routes[0].live.url"], strict=True):
        assert key in problem
        assert 'transport = "urllib3" has no Unix sockets' in problem
    assert problems_in(tmp_path, UNIX.replace("urllib3", "gateway")) == []


def test_gevent_has_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the master would fail with a traceback."""
    text = LIVE + '[server]\nworker_class = "gevent"\n'
    if importlib.util.find_spec("gevent"):
        assert problems_in(tmp_path, text) == []

    def missing(name: str) -> Any:
        return None

    monkeypatch.setattr(server_rules, "find_spec", missing)
    (problem,) = problems_in(tmp_path, text)
    assert "server.worker_class" in problem
    assert "pip install 'gateway[gevent]'" in problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('worker_class = "tornado"', 'server.worker_class = "tornado"'),
        ("body_min_rate = 0", "server.body_min_rate = 0"),
        ('max_head = "1B"', "server.max_head"),
        ('header_timeout = "0s"', "server.header_timeout"),
    ],
)
def test_limits_that_no_client_could_keep_are_refused(
    line: str, problem: str, tmp_path: Path
) -> None:
    """Rates and times of zero, and heads without room for a request."""
    (said,) = problems_in(tmp_path, f"{LIVE}[server]\n{line}\n")
    assert problem in said
