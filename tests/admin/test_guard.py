"""Who may ask the admin listener."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException

from gateway.admin.guard import Guard
from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.hashing import hash_key, hash_password
from gateway.auth.passwords import Passwords
from gateway.settings.server import Server
from tests.support.waiting import wait_for

KEY = "gwk_0123456789abcdefghij"


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    file = CredentialFile(tmp_path / "credentials")
    file.add(Credential("prometheus", Kind.API_KEY, hash_key(KEY)))
    file.add(Credential("anna", Kind.PASSWORD, hash_password("correct horse")))
    return tmp_path / "credentials"


def guard(path: Path | None, **given: object) -> Guard:
    config = Server(
        admin="0.0.0.0:9900",
        admin_credentials=str(path) if path else None,
        **given,  # type: ignore[arg-type]
    )
    return Guard(config)


def basic(name: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"HTTP_HOST": "gateway.internal:9900", "HTTP_AUTHORIZATION": f"Basic {token}"}


def status_of(here: Guard, environ: dict[str, str], endpoint: str = "metrics") -> int:
    try:
        here.check({"HTTP_HOST": "gateway.internal:9900", **environ}, endpoint)
    except HTTPException as error:
        return error.code or 0
    return 200


def test_without_credentials_everybody_on_this_machine_may() -> None:
    """By address or localhost."""
    assert guard(None).check({"HTTP_HOST": "127.0.0.1:9900"}, "shadows") == ""
    assert status_of(guard(None), {}, "shadows") == 403
    assert status_of(guard(None), {}, "metrics") == 200  # scrapers go by any name


def test_a_key_or_a_password_is_asked_for(credentials: Path) -> None:
    """Under whatever name the listener is called; who it is, is known then."""
    here = guard(credentials)
    assert here.check(basic("anna", "correct horse"), "") == "anna"
    by_field = {"HTTP_HOST": "gateway.internal:9900", "HTTP_X_API_KEY": KEY}
    assert here.check(by_field, "shadows") == "prometheus"
    by_word = {"HTTP_HOST": "gateway.internal:9900", "HTTP_AUTHORIZATION": f"ApiKey {KEY}"}
    assert here.check(by_word, "shadows") == "prometheus"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="nothing"),
        pytest.param(basic("anna", "wrong"), id="password"),
        pytest.param(basic("ben", "correct horse"), id="name"),
        pytest.param({"HTTP_X_API_KEY": KEY + "x"}, id="key"),
        pytest.param({"HTTP_AUTHORIZATION": f"Bearer {KEY}"}, id="scheme"),
    ],
)
@pytest.mark.parametrize("endpoint", ["", "metrics", "shadows", "switch", "reload", "recorded"])
def test_nothing_else_will_do(credentials: Path, sent: dict[str, str], endpoint: str) -> None:
    """For no endpoint but health; the answer says what would."""
    here = guard(credentials)
    with pytest.raises(HTTPException) as error:
        here.check({"HTTP_HOST": "gateway.internal:9900", **sent}, endpoint)
    assert error.value.code == 401
    name, value = error.value.fields[0]  # type: ignore[attr-defined]
    assert name == "WWW-Authenticate"
    assert value.startswith("Basic ")


def test_what_no_client_would_send_is_said_to_be_so(credentials: Path) -> None:
    """Asking again would not help."""
    assert status_of(guard(credentials), {"HTTP_AUTHORIZATION": "Basic !"}) == 400


def test_health_is_open_and_metrics_can_be(credentials: Path) -> None:
    """Probes have no secrets; scrapers may have none."""
    here = guard(credentials)
    assert status_of(here, {}, "healthz") == status_of(here, {}, "readyz") == 200
    assert status_of(here, {}, "metrics") == 401
    assert status_of(guard(credentials, admin_open_metrics=True), {}, "metrics") == 200
    assert status_of(guard(credentials, admin_open_metrics=True), {}, "shadows") == 401


def test_a_page_of_another_site_is_refused_even_with_credentials(credentials: Path) -> None:
    """The browser has sent them, nobody knows for whom."""
    sent = basic("anna", "correct horse") | {"HTTP_ORIGIN": "http://evil.test"}
    assert status_of(guard(credentials), sent, "switch") == 403


def test_a_changed_file_counts(credentials: Path) -> None:
    """A key that was revoked is none any more."""
    here = guard(credentials)
    sent = {"HTTP_X_API_KEY": KEY}
    assert status_of(here, sent) == 200
    CredentialFile(credentials).remove(lambda each: each.name == "prometheus")

    def refused() -> bool:
        here.refresh()
        return status_of(here, sent) == 401

    wait_for(refused, "the key to be forgotten")


def test_while_the_file_cannot_be_read_nobody_is_let_in(tmp_path: Path) -> None:
    """But for health; this is nobody's wrong password."""
    here = guard(tmp_path / "none")
    assert status_of(here, basic("anna", "x")) == 503
    assert status_of(here, {}, "healthz") == 200


def test_passwords_are_tried_one_at_a_time(credentials: Path) -> None:
    """Who cannot be checked now is told so, and not that it was wrong."""
    busy = Passwords(waiting=-1)
    config = Server(admin="0.0.0.0:9900", admin_credentials=str(credentials))
    assert status_of(Guard(config, passwords=busy), basic("anna", "correct horse")) == 503
