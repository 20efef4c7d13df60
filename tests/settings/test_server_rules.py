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


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9900", "[::]:9900", "10.0.0.7:9900", "gateway.internal:9900"]
)
def test_an_admin_listener_within_others_reach_asks_who_they_are(
    tmp_path: Path, address: str
) -> None:
    """Else whoever reaches it sees clients' data; with a file of credentials it is fine."""
    text = LIVE + f'[server]\nadmin = "{address}"\n'
    (problem,) = problems_in(tmp_path, text)
    assert problem.startswith("gateway.toml:4: server.admin")
    assert "server.admin_credentials" in problem
    assert "gateway keys add" in problem
    (tmp_path / "credentials").write_text("# nobody yet\n")
    assert problems_in(tmp_path, text + 'admin_credentials = "credentials"\n') == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9900", "127.8.8.8:9900", "localhost:9900", "[::1]:9900", "unix:/x"]
)
def test_an_admin_listener_of_this_machine_need_not(tmp_path: Path, address: str) -> None:
    """Loopback in all its forms, and Unix sockets, which have file permissions."""
    assert problems_in(tmp_path, LIVE + f'[server]\nadmin = "{address}"\n') == []


def test_credentials_of_the_admin_listener_are_read(tmp_path: Path) -> None:
    """A file that is none is said at once, also where nobody needs one."""
    text = LIVE + '[server]\nadmin_credentials = "credentials"\n'
    (problem,) = problems_in(tmp_path, text)
    assert "there is no such file" in problem
    (tmp_path / "credentials").write_text("alice password plain\n")
    assert any("server.admin_credentials" in each for each in problems_in(tmp_path, text))
