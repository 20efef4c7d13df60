"""Authentication around an application of its own, without the rest of Gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.test import Client, EnvironBuilder, TestResponse

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.hashing import hash_key, hash_password, new_key
from gateway.auth.passwords import Passwords
from gateway.auth.proof import NotProven, Reason, Scheme
from gateway.exchange import Exchange, Refused
from gateway.metrics import Metrics
from gateway.middleware import authentication
from gateway.middleware.authentication import Authentication
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings.authentication import Authentication as Config
from gateway.settings.authentication import Jwt, RouteAuthentication
from tests.auth import issuer
from tests.support.waiting import wait_for

KEY, READER_KEY = new_key(), new_key()
PASSWORD_HASH = hash_password("hunter2")


class App:
    """A Flask application that shows what it was told, and counts who got to it."""

    def __init__(self) -> None:
        self.calls = 0
        self.flask = flask.Flask("app")
        self.flask.add_url_rule("/", view_func=self.show, defaults={"path": ""})
        self.flask.add_url_rule("/<path:path>", view_func=self.show, methods=["GET", "POST"])

    def show(self, path: str) -> dict[str, Any]:
        self.calls += 1
        request = flask.request
        exchange = Exchange.of(request.environ)
        return {
            "user": request.remote_user,
            "type": request.environ.get("AUTH_TYPE"),
            "identity": exchange.identity,
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    file = CredentialFile(path)
    file.add(Credential("batch", Kind.API_KEY, hash_key(KEY), scopes=("read", "write")))
    file.add(Credential("reader", Kind.API_KEY, hash_key(READER_KEY), scopes=("read",)))
    file.add(Credential("alice", Kind.PASSWORD, PASSWORD_HASH))
    return path


class Guarded:
    """An application behind the middleware, and a client."""

    def __init__(
        self,
        app: App,
        file: Path,
        routes: Any = (),
        metrics: Metrics | None = None,
        **settings: Any,
    ) -> None:
        jwt = Jwt(algorithms=("HS256",), secret=issuer.SECRET, identity_prefix="sso:")
        changes = {"schemes": ("api-key", "basic", "jwt"), "jwt": jwt, **settings}
        config = Config(credentials=str(file), **changes)
        table = RouteTable([(path, (), own) for path, own in routes], None) if routes else None
        self.middleware = Authentication(app.flask, config, rules=table, metrics=metrics)
        self.app = app
        self.outer: dict[str, Any] = {}
        self.target = ""

    def _outermost(self, environ: dict[str, Any], start: Any) -> Any:
        # As sent: the test client decodes and normalises.
        environ.update(RAW_URI=self.target, REQUEST_URI=self.target)
        self.outer = environ
        return self.middleware(environ, start)

    def get(self, path: str = "/", **headers: str) -> TestResponse:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.target = path
        return Client(self._outermost).open(path, headers=fields)


@pytest.fixture
def guarded(app: App, file: Path) -> Guarded:
    return Guarded(app, file)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def refused(
    guarded: Guarded, answer: TestResponse, status: int, reason: Reason, calls: int = 0
) -> dict[str, Any]:
    """The problem document of a refusal, checked."""
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert Exchange.of(guarded.outer).refused == Refused("authentication", reason.value)
    assert guarded.app.calls == calls
    document: dict[str, Any] = json.loads(answer.data)
    assert document["status"] == status
    return document


@pytest.mark.parametrize(
    ("headers", "user", "type_"),
    [
        ({"X_Api_Key": KEY}, "batch", "ApiKey"),
        ({"Authorization": f"ApiKey {KEY}"}, "batch", "ApiKey"),
        ({"Authorization": basic("alice", "hunter2")}, "alice", "Basic"),
        ({"Authorization": f"Bearer {issuer.token('HS256')}"}, "sso:bob", "Bearer"),
    ],
    ids=["key", "key in authorization", "basic", "token"],
)
def test_who_proves_an_identity_comes_in_under_it(
    headers: dict[str, str], user: str, type_: str, guarded: Guarded
) -> None:
    """For the application as REMOTE_USER, for middlewares on the exchange."""
    for _ in range(2):
        answer = guarded.get(**headers)
        assert answer.status_code == 200
        shown = answer.get_json()
        assert (shown["user"], shown["type"], shown["identity"]) == (user, type_, user)


BAD_TOKEN = issuer.token("HS256", exp=1)


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, Reason.MISSING),
        ({"Authorization": "Digest username=x"}, 401, Reason.MISSING),
        ({"X_Api_Key": new_key()}, 401, Reason.INVALID_KEY),
        ({"Authorization": basic("alice", "x")}, 401, Reason.INVALID_PASSWORD),
        ({"Authorization": basic("nobody", "hunter2")}, 401, Reason.INVALID_PASSWORD),
        ({"Authorization": f"Bearer {BAD_TOKEN}"}, 401, Reason.INVALID_TOKEN),
        ({"Authorization": "Bearer x"}, 401, Reason.INVALID_TOKEN),
        ({"X_Api_Key": f"{KEY},{KEY}"}, 400, Reason.MALFORMED),
        ({"Authorization": "Basic %%%"}, 400, Reason.MALFORMED),
        ({"X_Api_Key": KEY, "Authorization": f"ApiKey {KEY}"}, 400, Reason.MALFORMED),
    ],
    ids=[
        "nothing",
        "other scheme",
        "unknown key",
        "wrong password",
        "unknown name",
        "expired token",
        "no token",
        "two keys",
        "misshapen",
        "two ways",
    ],
)
def test_who_does_not_stays_out(
    headers: dict[str, str], status: int, reason: Reason, guarded: Guarded
) -> None:
    """With the reason for metrics and log, and nothing of what was sent in the answer."""
    answer = guarded.get(**headers)
    document = refused(guarded, answer, status, reason)
    assert not any(value in str(document) for value in headers.values())
    assert Exchange.of(guarded.outer).identity is None


def test_a_401_says_how_it_could_be_done(guarded: Guarded) -> None:
    """One challenge for each scheme that this route takes."""
    answer = guarded.get()
    assert answer.headers.getlist("WWW-Authenticate") == [
        'ApiKey realm="gateway", field="X-Api-Key"',
        'Basic realm="gateway", charset="UTF-8"',
        'Bearer realm="gateway"',
    ]
    assert answer.headers["Cache-Control"] == "no-store"
    bad = guarded.get(Authorization=f"Bearer {BAD_TOKEN}")
    assert bad.headers.getlist("WWW-Authenticate")[2] == (
        'Bearer realm="gateway", error="invalid_token", error_description="The token has expired."'
    )


def test_a_wrong_credential_is_not_made_good_by_a_right_one(guarded: Guarded) -> None:
    """The first that is presented counts."""
    answer = guarded.get(X_Api_Key=new_key(), Authorization=basic("alice", "hunter2"))
    refused(guarded, answer, 401, Reason.INVALID_KEY)


def test_a_scope_that_is_lacking_is_a_403(app: App, file: Path) -> None:
    """The log knows who it was; a token is told which scope it lacks."""
    guarded = Guarded(app, file, scopes=("write",))
    assert guarded.get(X_Api_Key=KEY).status_code == 200
    answer = guarded.get(X_Api_Key=READER_KEY)
    refused(guarded, answer, 403, Reason.INSUFFICIENT_SCOPE, calls=1)
    assert Exchange.of(guarded.outer).identity == "reader"
    assert "WWW-Authenticate" not in answer.headers
    answer = guarded.get(Authorization=f"Bearer {issuer.token('HS256', scope='read')}")
    refused(guarded, answer, 403, Reason.INSUFFICIENT_SCOPE, calls=1)
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="write"' in answer.headers["WWW-Authenticate"]
    good = issuer.token("HS256", scope="read write")
    assert guarded.get(Authorization=f"Bearer {good}").status_code == 200


ROUTES = [
    ("/public", RouteAuthentication(schemes=())),
    ("/admin", RouteAuthentication(schemes=("jwt",), scopes=("admin",))),
    ("/reports", RouteAuthentication(scopes=("write",))),
]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/public", {}, 200),
        ("/public/x", {"X_Api_Key": "wrong"}, 200),
        ("/publicity", {}, 401),
        ("/", {}, 401),
        ("/", {"X_Api_Key": KEY}, 200),
        ("/admin", {"X_Api_Key": KEY}, 401),
        ("/admin", {"Authorization": f"Bearer {issuer.token('HS256')}"}, 403),
        ("/admin", {"Authorization": f"Bearer {issuer.token('HS256', scope='admin')}"}, 200),
        ("/reports", {"X_Api_Key": READER_KEY}, 403),
        ("/reports", {"X_Api_Key": KEY}, 200),
    ],
)
def test_each_route_asks_for_its_own(
    path: str, headers: dict[str, str], status: int, app: App, file: Path
) -> None:
    """Schemes, scopes, or nothing at all; what it leaves out is that of all."""
    assert Guarded(app, file, ROUTES).get(path, **headers).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "//admin",
        "/x/../admin",
        "/public/../admin",
        "/./admin/x",
        "/public/%2e%2e/admin",
        "/public%2f..%2fadmin",
        "/admin;jsessionid=1",
        "/%2561dmin",
        "/x\\..\\admin",
        "http://g//admin",
        "/x%2f..%2fadmin%3fy",
    ],
)
def test_a_path_that_upstreams_may_read_otherwise_is_refused(
    path: str, app: App, file: Path
) -> None:
    """Where that would get round what a route asks for; credentials or not."""
    guarded = Guarded(app, file, ROUTES, schemes=())
    refused(guarded, guarded.get(path), 400, Reason.AMBIGUOUS_PATH)
    refused(guarded, guarded.get(path, X_Api_Key=KEY), 400, Reason.AMBIGUOUS_PATH)


@pytest.mark.parametrize(
    "path",
    ["//x", "/x/../y", "/a%2fb", "/a;b", "/public//x", "/%61", "/public/.well-known", "//public"],
)
def test_a_path_that_means_the_same_to_all_is_as_good_as_any(
    path: str, app: App, file: Path
) -> None:
    """Targets are forwarded untouched, with all their escapes; nobody is refused for them."""
    guarded = Guarded(app, file, ROUTES)
    status = guarded.get(path, X_Api_Key=KEY).status_code
    assert status in (200, 308, 404)


def test_escapes_of_plain_letters_are_the_letters(app: App, file: Path) -> None:
    """RFC 3986 section 6.2.2.2: the same path, the same route."""
    guarded = Guarded(app, file, ROUTES, schemes=())
    refused(guarded, guarded.get("/%61dmin"), 401, Reason.MISSING)


@pytest.mark.parametrize("field", ["X-User", "x-uSER", "X_User", "x_user"])
@pytest.mark.parametrize("path", ["/", "/public"])
def test_an_identity_cannot_be_claimed(field: str, path: str, app: App, file: Path) -> None:
    """Neither where one is asked for nor where none is, in no spelling."""
    guarded = Guarded(app, file, ROUTES, identity_field="X-User")
    answer = guarded.get(path, **{field: "admin", "X_Api_Key": KEY})
    shown = answer.get_json()["headers"]
    assert shown.get("x-user") == ("batch" if path == "/" else None)


def test_a_refused_request_claims_nothing_either(app: App, file: Path) -> None:
    """It may still be mirrored, if the settings say so."""
    guarded = Guarded(app, file, identity_field="X-User", forward_credentials=False)
    refused(guarded, guarded.get(X_User="admin", X_Api_Key="x" * 30), 401, Reason.INVALID_KEY)
    assert not {"HTTP_X_USER", "HTTP_X_API_KEY"} & set(guarded.outer)


@pytest.mark.parametrize(
    ("path", "headers", "left"),
    [
        ("/", {"X_Api_Key": KEY}, set()),
        ("/", {"X_Api_Key": KEY, "Authorization": "Digest x"}, {"authorization"}),
        ("/", {"Authorization": f"ApiKey {KEY}"}, set()),
        ("/", {"Authorization": basic("alice", "hunter2")}, set()),
        ("/", {"X_Api_Key": KEY, "Authorization": basic("a", "b")}, set()),
        ("/public", {"X_Api_Key": KEY}, set()),
        ("/public", {"Authorization": basic("a", "b")}, {"authorization"}),
        ("/keys", {"X_Api_Key": KEY, "Authorization": basic("a", "b")}, {"authorization"}),
    ],
    ids=["key", "foreign", "apikey", "basic", "both", "public key", "public basic", "not ours"],
)
def test_what_was_checked_goes_no_further(
    path: str, headers: dict[str, str], left: set[str], app: App, file: Path
) -> None:
    """What is not ours to check belongs to the upstream."""
    routes = [*ROUTES, ("/keys", RouteAuthentication(schemes=("api-key",)))]
    guarded = Guarded(app, file, routes, forward_credentials=False)
    answer = guarded.get(path, **headers)
    assert answer.status_code == 200
    assert set(answer.get_json()["headers"]) & {"x-api-key", "authorization"} == left


def test_by_default_everything_is_passed_on(guarded: Guarded) -> None:
    """As received: the upstream may check it again."""
    shown = guarded.get(X_Api_Key=KEY, X_User="me").get_json()["headers"]
    assert (shown["x-api-key"], shown["x-user"]) == (KEY, "me")


def test_what_is_forwarded_is_what_was_changed(file: Path) -> None:
    """Live and shadows take the fields of the buffered request, read before or after."""
    config = Config(
        schemes=("api-key",),
        credentials=str(file),
        identity_field="X-User",
        forward_credentials=False,
    )
    forwarded: list[Any] = []

    def live(environ: dict[str, Any], start: Any) -> list[bytes]:
        forwarded.append(BufferedRequest.of(environ, 100).fields)
        start("200 OK", [])
        return []

    sent = [("Host", "h"), ("X-Api-Key", KEY), ("X-User", "admin"), ("Connection", "x-user")]
    for read_before in (True, False):
        environ = EnvironBuilder(headers=sent).get_environ()
        environ["gateway.fields"] = list(sent)
        if read_before:
            BufferedRequest.of(environ, 100)
        Authentication(live, config)(environ, lambda *start: None)
    plain = (("Host", "h"), ("Connection", ""), ("X-User", "batch"))
    assert forwarded == [plain, plain]


class Untouchable:
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def test_the_body_is_not_read(guarded: Guarded, app: App) -> None:
    """Nobody's ten megabytes before their key."""
    environ = EnvironBuilder(method="POST", path="/x").get_environ()
    environ.update({"wsgi.input": Untouchable(), "CONTENT_LENGTH": "10000000"})
    statuses: list[str] = []

    def call(**more: Any) -> None:
        b"".join(guarded.middleware({**environ, **more}, lambda *said: statuses.append(said[0])))

    call()
    call(HTTP_X_API_KEY=KEY)
    assert statuses == ["401 Unauthorized", "200 OK"]


class Answer:
    """An answer that breaks midway, and knows whether it was closed."""

    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        raise RuntimeError("midway")

    def close(self) -> None:
        self.closed += 1


def test_the_answer_is_the_applications_own(file: Path) -> None:
    """Nothing is put around it: not buffered, and its end is its own."""
    answer = Answer()
    config = Config(schemes=("api-key",), credentials=str(file))
    middleware = Authentication(lambda environ, start: answer, config)
    environ = EnvironBuilder(headers={"X-Api-Key": KEY}).get_environ()
    assert middleware(environ, lambda *start: None) is answer  # type: ignore[comparison-overlap]


def test_a_changed_file_is_followed(guarded: Guarded, file: Path) -> None:
    """A revoked key stops counting within two seconds, without a restart."""
    assert guarded.get(X_Api_Key=KEY).status_code == 200
    CredentialFile(file).remove(lambda each: each.name == "batch")

    def revoked() -> bool:
        guarded.middleware.refresh()
        return guarded.get(X_Api_Key=KEY).status_code == 401

    wait_for(revoked, "the key to stop counting", 3)
    assert guarded.get(X_Api_Key=READER_KEY).status_code == 200


def test_a_broken_file_changes_nothing(
    guarded: Guarded, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """But the log."""
    file.write_text("broken")

    def noticed() -> bool:
        guarded.middleware.refresh()
        return "cannot be used" in caplog.text

    wait_for(noticed, "the log to say so", 3)
    assert guarded.get(X_Api_Key=KEY).status_code == 200
    assert "'line 1" not in caplog.text


def test_without_a_file_nobody_can_tell(app: App, tmp_path: Path) -> None:
    """503, since the client is not to blame."""
    guarded = Guarded(app, tmp_path / "none")
    for headers in ({"X_Api_Key": KEY}, {"Authorization": basic("alice", "hunter2")}):
        answer = guarded.get(**headers)
        refused(guarded, answer, 503, Reason.UNAVAILABLE)
        assert answer.headers["Retry-After"] == "1"


def test_without_the_extra_no_token_is_good(
    app: App, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings' checks stop the start; whoever gets past them is let in by nobody."""
    monkeypatch.setattr(authentication, "Bearer", None)
    guarded = Guarded(app, file)
    answer = guarded.get(Authorization=f"Bearer {issuer.token('HS256')}")
    refused(guarded, answer, 503, Reason.UNAVAILABLE)


class Counted(Metrics):
    """What was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def authenticated(self, scheme: str, identity: str) -> None:
        self.told.append((scheme, identity))

    def authentication_stale(self, source: str, stale: bool) -> None:
        self.told.append((source, stale))


def test_who_came_in_is_counted(app: App, file: Path) -> None:
    """By name where the operator gave it; names in tokens are not bounded."""
    metrics = Counted()
    guarded = Guarded(app, file, metrics=metrics)
    guarded.get(X_Api_Key=KEY)
    guarded.get(Authorization=basic("alice", "hunter2"))
    guarded.get(Authorization=f"Bearer {issuer.token('HS256')}")
    guarded.get(X_Api_Key=new_key())
    assert metrics.told == [("api-key", "batch"), ("basic", "alice"), ("jwt", "")]


def test_old_credentials_and_keys_can_be_seen(app: App, file: Path, tmp_path: Path) -> None:
    """In a gauge, for an alert: a log line is easily missed."""
    metrics, keys = Counted(), tmp_path / "keys"
    keys.write_bytes(issuer.jwks(issuer.jwk("HS256")))
    jwt = Jwt(algorithms=("HS256",), jwks=str(keys))
    guarded = Guarded(app, file, metrics=metrics, jwt=jwt)
    guarded.middleware.refresh()
    assert metrics.told == [("credentials", False), ("keys", False)]
    file.write_text("broken")
    keys.write_text("broken")

    def seen() -> bool:
        guarded.middleware.refresh()
        return metrics.told[-2:] == [("credentials", True), ("keys", True)]

    wait_for(seen, "both to be seen", 3)


def test_when_too_many_passwords_are_checked_it_says_so(file: Path) -> None:
    """503 with Retry-After; keys and known passwords go on."""

    class Full(Passwords):
        def verify(self, stored: str, password: str) -> bool:
            raise NotProven(Reason.BUSY, "Too many.", Scheme.BASIC)

    config = Config(schemes=("api-key", "basic"), credentials=str(file))
    middleware = Authentication(flask.Flask("app"), config, passwords=Full())
    answer = Client(middleware).get("/", headers={"Authorization": basic("a", "b")})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert Client(middleware).get("/", headers={"X-Api-Key": KEY}).status_code == 404


def test_it_is_shown_without_secrets(guarded: Guarded) -> None:
    """What it asks for and how much it knows."""
    text = repr(guarded.middleware)
    assert "<Directory 2 keys, 1 passwords>" in text
    assert issuer.SECRET not in text
    guarded.middleware.close()
