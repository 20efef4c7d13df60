"""Requests as curl commands: run by a real shell and a real curl, they are the same requests."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.shadow.copy import Copy
from gateway.traffic.curl import as_curl
from tests.support.upstream import OK, Received, Upstream, upstream
from tests.traffic.exchanges import copies, copy

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")

_SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]
# Sent by curl itself, and what it says of the server that it asks.
_CURLS = {"host", "content-length", "accept-encoding"}


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream(lambda request: OK) as running:
        yield running


def run(command: str, server: Upstream, shell: str = "sh") -> Received:
    """What the server gets of a command."""
    server.forget()
    # From a file: an argument has less room than what is pasted.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as script:
        script.write(command)
        script.flush()
        done = subprocess.run([shell, script.name], capture_output=True, timeout=20)
    assert done.returncode == 0, (command, done.stderr)
    (received,) = server.taken()
    return received


def check(request: Copy, received: Received) -> None:
    assert received.method == request.method
    assert received.target == request.target.encode("latin-1")
    sent = [(n.lower(), v.strip(" \t")) for n, v in request.fields if n.lower() not in _CURLS]
    got = [(n.lower(), v) for n, v in received.fields if n.lower() not in _CURLS]
    assert got == sent
    assert received.body == (b"" if request.method == "HEAD" else request.body)


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize(
    "request_",
    [
        copy(),
        copy("GET", "/a/../b//c?x=[1-3]&y={a,b}&z=a%20b"),
        copy("HEAD"),
        copy("DELETE", "/a"),
        copy(
            "POST", "/a", ("Content-Type", "application/json"), body=b'{"it\'s": "$HOME `id` \\n"}'
        ),
        copy("POST", "/a", body=b"@/etc/passwd"),
        copy("PUT", "/a", body=b"\n\n first\r\n"),
        copy("POST", "/a", body=bytes(range(256)) * 500),
        copy("POST", "/a", body=b"x" * 300_000),
        copy("POST", "/a")._replace(had_body=True),
        copy("GET", "/a", body=b"a body"),
        copy("OPTIONS", "*"),
        copy("GET", "/a#b"),
        copy("GET", "/caf\xe9"),
        copy("GET", "/';touch${IFS}pwned;'"),
        copy("GET", "/", ("X-Empty", ""), ("User-Agent", "a'b\"c"), ("Accept", "x/y")),
        copy("GET", "/", ("X-Latin", "caf\xe9"), ("X-Utf", "caf\xc3\xa9"), ("X-C1", "a\x9bb")),
        copy("GET", "/", ("Accept-Encoding", "gzip, br"), ("Connection", "x-hop"), ("X-Hop", "1")),
        copy("GET", "/", ("X-Two", "1"), ("X-Two", "2"), ("X-At", "@file"), ("X-Dash", "-K x")),
    ],
    ids=lambda request: f"{request.method} {request.target!a} {len(request.body)}",
)
def test_a_shell_runs_it_as_the_same_request(request_: Copy, shell: str, server: Upstream) -> None:
    """Method, target, fields, body: nothing mended, nothing added, nothing run."""
    hops = {"connection", "x-hop"}
    received = run(as_curl(request_, server.url), server, shell)
    check(
        request_._replace(fields=tuple(f for f in request_.fields if f[0].lower() not in hops)),
        received,
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=copies())
def test_any_request(request: Copy, server: Upstream) -> None:
    """Whatever strangers put into it."""
    check(request, run(as_curl(request, server.url), server))


@pytest.mark.parametrize(
    "evil",
    [
        "'; touch pwned; '",
        "$(touch pwned)",
        "`touch pwned`",
        "\\'; touch pwned; \\'",
        "\n touch pwned \n",
        "\x1b[201~touch pwned\n",
        "\u202etouch pwned",
        "%s%n\\0",
        "!!",
    ],
)
def test_nothing_in_it_is_run(evil: str, server: Upstream, tmp_path: Path) -> None:
    """Wherever it stands, and nothing of it reaches a terminal that would obey it."""
    value = evil.replace("\n", " ").encode().decode("latin-1")
    target = "/" + re.sub(r"[\x00-\x20\x7f]", "", value)
    request = copy("POST", target, ("X-Evil", value), body=evil.encode())
    command = as_curl(request, server.url)
    assert command.replace("\n", "").isprintable()
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=20)
    assert list(tmp_path.iterdir()) == []
    assert done.returncode == 0, done.stderr
    (received,) = server.taken()[-1:]
    assert received.body == evil.encode()


def test_it_asks_the_given_place(server: Upstream) -> None:
    """Not the host that the request was for; that is said only if wanted."""
    request = copy("GET", "/a")
    assert run(as_curl(request, server.url + "/"), server).values("host") == [
        server.url.removeprefix("http://")
    ]
    kept = run(as_curl(request, server.url, keep_host=True), server)
    assert kept.values("host") == ["billing.example.com"]


def test_a_plain_request_is_a_plain_command() -> None:
    """For people, who read it before they paste it."""
    fields = (("User-Agent", "x/1"), ("Accept", "*/*"), ("Content-Type", "application/json"))
    request = copy("POST", "/invoices?draft=1", *fields, body=b'{"total": 10}')
    assert as_curl(request, "http://localhost:3000") == (
        "curl -sS -i \\\n"
        "  --globoff --path-as-is 'http://localhost:3000/invoices?draft=1' \\\n"
        "  -H 'User-Agent: x/1' \\\n"
        "  -H 'Accept: */*' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        "  --data-raw '{\"total\": 10}'"
    )


@given(st.binary(max_size=60))
def test_the_command_is_printable(body: bytes) -> None:
    """Whatever the body is."""
    command = as_curl(copy("POST", body=body), "http://localhost")
    assert command.replace("\n", "").replace("\t", "").isprintable()
