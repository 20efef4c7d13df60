"""The words of authentication, and the page that explains them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.demand import Demand
from gateway.auth.hashing import hash_key, new_key
from gateway.auth.proof import NotProven, Reason, Scheme
from gateway.middleware.authentication import refusal_of
from gateway.settings.authentication import Authentication
from gateway.settings.declared import settings_of

PAGE = (Path(__file__).parents[2] / "docs" / "authentication.md").read_text()


def test_the_page_lists_every_reason_with_its_status() -> None:
    """In the order of the code."""
    listed = re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", PAGE)
    answered = [
        (str(refusal_of(NotProven(reason, "x", Scheme.JWT), Demand(["jwt"])).status), reason.value)
        for reason in Reason
    ]
    assert listed == answered


def test_schemes_have_the_names_of_the_setting() -> None:
    """One word for one thing."""
    (schemes,) = [s.kind for s in settings_of(Authentication) if s.name == "schemes"]
    assert schemes.item is not None
    named: Any = schemes.item.shape
    assert set(named.values) == {scheme.value for scheme in Scheme}


def test_the_page_shows_how_to_use_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example, as it stands."""
    key = new_key()
    CredentialFile(tmp_path / "credentials").add(Credential("a", Kind.API_KEY, hash_key(key)))

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["REMOTE_USER"].encode()]

    (example,) = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {"application": application}
    exec(example, scope)
    client = Client(scope["guard"])
    assert client.get("/").status_code == 401
    assert client.get("/", headers={"X-Api-Key": key}).data == b"a"
