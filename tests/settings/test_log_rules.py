"""Rules about the access log, tracing and request ids."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.settings.loading import LIVE, load_text, problems_in


def test_a_log_file_is_relative_to_the_settings(tmp_path: Path) -> None:
    """As every path in them; it need not be there, its folder must."""
    text = LIVE + '[access_log]\nto = "file"\nfile = "access.log"\n'
    assert load_text(tmp_path, text).access_log.file == str(tmp_path / "access.log")
    assert not (tmp_path / "access.log").exists()


def test_a_named_pipe_will_do(tmp_path: Path) -> None:
    """Looking at it does not wait for a reader."""
    os.mkfifo(tmp_path / "pipe")
    text = LIVE + '[access_log]\nto = "file"\nfile = "pipe"\n'
    assert problems_in(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            '[access_log]\nto = "file"', "needs access_log.file, the path of the file", id="no-file"
        ),
        pytest.param(
            '[access_log]\nfile = "a.log"', 'has no effect without to = "file"', id="no-effect"
        ),
        pytest.param('[access_log]\nto = "file"\nfile = "."', "that is a folder", id="folder"),
        pytest.param(
            '[access_log]\nto = "file"\nfile = "none/a.log"',
            "its folder does not exist",
            id="no-folder",
        ),
        pytest.param(
            '[access_log]\nto = "stderr"', 'expected "file", "off" or "stdout"', id="elsewhere"
        ),
        pytest.param(
            '[access_log]\nredact_query = [""]', "expected a parameter's name", id="empty-name"
        ),
        pytest.param(
            '[request]\nforward_id = "Host"',
            "Host cannot hold an id; use another field",
            id="id-in-host",
        ),
        pytest.param(
            '[request]\nid_from = ["x-trace"]',
            'expected "traceparent" or "x-request-id"',
            id="unknown-source",
        ),
        pytest.param(
            '[request]\ntrusted_proxies = ["10.0.0.1/8"]',
            'did you mean "10.0.0.0/8"?',
            id="host-bits",
        ),
        pytest.param(
            '[request]\ntrusted_proxies = ["proxy.test"]', "expected an IP address", id="name"
        ),
        pytest.param('[tracing]\nendpoint = "collector:4318"', "an http://", id="no-url"),
        pytest.param('[tracing]\nservice = ""', "expected a name", id="no-service"),
    ],
)
def test_what_cannot_work_stops_the_start(text: str, message: str, tmp_path: Path) -> None:
    """With what to do instead."""
    problems = problems_in(tmp_path, LIVE + text + "\n")
    assert len(problems) == 1
    assert message in problems[0]


def test_networks_and_unix_sockets_are_proxies(tmp_path: Path) -> None:
    """As they are written."""
    text = LIVE + '[request]\ntrusted_proxies = ["10.0.0.0/8", "::1", "unix"]\n'
    assert load_text(tmp_path, text).request.trusted_proxies == ("10.0.0.0/8", "::1", "unix")


def test_tracing_without_its_packages_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a worker would fail on it."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    (problem,) = problems_in(tmp_path, LIVE + '[tracing]\nendpoint = "http://h:1/v1/traces"\n')
    assert "pip install 'gateway[otel]'" in problem
