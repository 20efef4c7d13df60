"""The dashboard of a real gateway, and who may see it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.hashing import hash_key, hash_password
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import upstream
from tests.support.waiting import wait_for

pytest.importorskip("sqlalchemy")

KEY = "gwk_0123456789abcdefghij"


def answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def summary(running: GatewayProcess) -> dict[str, object]:
    status, text = running.get("/api/summary")
    return json.loads(text) if status == 200 else {}


def test_what_differs_is_on_the_page_within_seconds(tmp_path: Path) -> None:
    """From a client's request to the sentence that says where the rewrite is wrong."""
    with (
        upstream(lambda request: answer(b'{"total": 1.43}')) as live,
        upstream(lambda request: answer(b'{"total": 1.42}')) as shadow,
    ):
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "rewrite"
            url = "{shadow.url}"
            [isolation]
            holdout = 0
            [store]
            url = "sqlite:///{tmp_path}/gateway.db"
        """
        with gateway("--workers", "1", config=config) as running:
            first = running.get("/")[1]
            assert "No figures yet" in first or "Nothing was compared" in first
            for _ in range(5):
                with running.client() as client:
                    assert client.request("GET", "/invoices/7").body == b'{"total": 1.43}'
            wait_for(
                lambda: summary(running).get("match", {}).get("of") == 5,  # type: ignore[attr-defined]
                "the comparison to be stored",
            )
            page = running.get("/")[1]
            assert "1 kind of difference that nobody expects" in page
            assert '<code class="place">/total</code>' in page


def test_a_listener_with_credentials_asks_who_is_there(tmp_path: Path) -> None:
    """By a password in a browser, a key in a command; health tells everybody."""
    file = CredentialFile(tmp_path / "credentials")
    file.add(Credential("ops", Kind.API_KEY, hash_key(KEY)))
    file.add(Credential("anna", Kind.PASSWORD, hash_password("correct horse")))
    (tmp_path / "key").write_text(KEY + "\n")
    with upstream() as live, upstream() as shadow:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "rewrite"
            url = "{shadow.url}"
            [server]
            admin_credentials = "{tmp_path}/credentials"
            [store]
            url = "off"
        """
        with gateway("--workers", "1", config=config) as running:
            assert running.get("/healthz")[0] == 200
            for path in ("/", "/api/summary", "/api/shadows", "/metrics", "/static/icon.svg"):
                assert running.get(path)[0] == 401, path
            assert running.post("/api/shadows/rewrite", {"off": True})[0] == 401
            url = f"http://127.0.0.1:{running.admin}/"
            token = base64.b64encode(b"anna:correct horse").decode()
            request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
            with urllib.request.urlopen(request, timeout=5) as page:
                assert "Gateway" in page.read().decode()
            without = command("shadow", "--admin", f"127.0.0.1:{running.admin}")
            assert without.returncode == 1
            assert "--admin-key" in without.stderr
            key = ("--admin-key", str(tmp_path / "key"))
            done = command("shadow", "--admin", f"127.0.0.1:{running.admin}", *key)
            assert "rewrite  gets 100 %" in done.stdout


@pytest.mark.parametrize("name", ["run", "check"])
def test_without_credentials_such_an_address_is_refused(name: str, tmp_path: Path) -> None:
    """At once, with what to do."""
    config = tmp_path / "gateway.toml"
    config.write_text('live.url = "http://127.0.0.1:9"\n[server]\nadmin = "0.0.0.0:9900"\n')
    done = command(name, "--config", str(config))
    assert done.returncode == 2
    assert "server.admin_credentials" in done.stderr
    assert "gateway keys add" in done.stderr


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(run, capture_output=True, text=True, timeout=30, check=False)
