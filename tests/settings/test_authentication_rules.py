"""What is asked of clients: possible to prove, asked somewhere, and with files that can be used."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import authentication_rules, to_toml_text, warnings
from tests.settings.loading import LIVE, PEM, load_text, problems_in

HASH = "sha256:" + "ab" * 32
SECRET = "0123456789abcdef" * 4
PUBLIC = "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one file of each kind in it."""
    (tmp_path / "credentials").write_text(f"batch api-key {HASH}\n")
    (tmp_path / "key.pem").write_text(PUBLIC)
    (tmp_path / "keys.json").write_text('{"keys": [{"kty": "OKP"}]}')
    return tmp_path


def text(table: str, rest: str = "") -> str:
    return f"{LIVE}[authentication]\n{table}\n{rest}"


KEYS = 'schemes = ["api-key"]\ncredentials = "credentials"'
CA = f'jwks_ca = "{PEM / "one.pem"}"'
JWT = 'schemes = ["jwt"]\n[authentication.jwt]\n'


@pytest.mark.parametrize(
    "settings",
    [
        text(""),
        text(KEYS),
        text(KEYS.replace("api-key", "basic")),
        text(KEYS, '[[routes]]\npath = "/a"\nauthentication = { schemes = [] }\n'),
        text(
            'credentials = "credentials"',
            '[[routes]]\npath = "/a"\nauthentication = { schemes = ["basic"], scopes = ["a"] }\n',
        ),
        text(JWT + 'public_key = "key.pem"'),
        text(JWT + 'jwks = "keys.json"\nalgorithms = ["HS256", "RS256"]'),
        text(JWT + 'jwks_url = "https://issuer.test/keys?p=1"\n' + CA),
        text(JWT + f'secret = "{SECRET}"\nalgorithms = ["HS512"]'),
        text(JWT + f'secret = "{SECRET[:32]}"\nalgorithms = ["HS256", "ES256"]'),
    ],
)
def test_what_can_be_proven_may_be_asked_for(settings: str, folder: Path) -> None:
    """In general and by routes."""
    assert problems_in(folder, settings) == []


@pytest.mark.parametrize(
    ("settings", "key", "problem"),
    [
        (text('schemes = ["api-key"]'), "schemes", "needs authentication.credentials"),
        (text('schemes = ["basic"]'), "schemes", "needs authentication.credentials"),
        (text('credentials = "credentials"'), "credentials", "has no effect: no schemes"),
        (text(KEYS.replace('"credentials"', '"none"')), "credentials", "there is no such file"),
        (text(KEYS.replace('"credentials"', '"."')), "credentials", "Is a directory"),
        (text(KEYS.replace('"credentials"', '"key.pem"')), "credentials", "line 1: "),
        (text('scopes = ["a"]'), "scopes", "has no effect: there are no schemes"),
        (text('identity_field = "X-User"'), "identity_field", "has no effect"),
        (text(KEYS + '\nidentity_field = "Host"'), "identity_field", "means something else"),
        (text(KEYS + '\nkey_field = "authorization"'), "key_field", "means something else"),
        (text(KEYS + '\nkey_field = "Content_Length"'), "key_field", "means something else"),
        (text(KEYS + '\nidentity_field = "x_api-KEY"'), "identity_field", "different names"),
        (text(JWT), "schemes", '"jwt" needs one of authentication.jwt.jwks_url'),
        (text("[authentication.jwt]\npublic_key = 'key.pem'"), "jwt.public_key", "no schemes have"),
        (text(KEYS + f'\n[authentication.jwt]\nsecret = "{SECRET}"'), "jwt.secret", "no schemes"),
        (text(JWT + 'public_key = "key.pem"\njwks = "keys.json"'), "jwt.public_key", "one place"),
        (text(JWT + 'public_key = "none.pem"'), "jwt.public_key", "No such file"),
        (text(JWT + 'public_key = "keys.json"'), "jwt.public_key", "no PEM file"),
        (text(JWT + f'public_key = "{PEM / "one.key"}"'), "jwt.public_key", "a private key"),
        (text(JWT + 'jwks = "key.pem"'), "jwt.jwks", "not JSON"),
        (text(JWT + 'jwks = "empty.json"'), "jwt.jwks", "no JWK Set"),
        (text(JWT + 'jwks = "keys.json"\nalgorithms = []'), "jwt.algorithms", "without any"),
        (text(JWT + f'secret = "{SECRET}"'), "jwt.secret", "no algorithm is for a secret"),
        (
            text(JWT + f'secret = "{SECRET[:32]}"\nalgorithms = ["HS384"]'),
            "jwt.algorithms",
            "HS384 needs a secret of at least 48 bytes",
        ),
        (
            text(JWT + 'public_key = "key.pem"\nalgorithms = ["RS256", "HS256"]'),
            "jwt.algorithms",
            "HS256 is for secrets, and the keys are public ones",
        ),
        (
            text(JWT + 'jwks_url = "http://issuer.test"\n' + CA),
            "jwt.jwks_ca",
            "without an https:// jwks_url",
        ),
        (text(JWT + 'jwks_url = "https://a"\njwks_ca = "none"'), "jwt.jwks_ca", "No such file"),
        (text(JWT + 'jwks_url = "https://a"\njwks_ca = "key.pem"'), "jwt.jwks_ca", "no PEM file"),
        (text(JWT + 'jwks_url = "https://u:p@issuer.test/"'), "jwt.jwks_url", "expected"),
        (text(JWT + 'jwks_url = "https://issuer.test/#x"'), "jwt.jwks_url", "expected"),
        (text(JWT + 'jwks_url = "https://issuer.test/?a b"'), "jwt.jwks_url", "must be escaped"),
        (text(JWT + 'jwks_url = "http+unix://%2Fx"'), "jwt.jwks_url", "scheme"),
        (text(JWT + 'secret = "short"'), "jwt.secret", "at least 32 characters"),
        (text(JWT + 'algorithms = ["none"]'), "jwt.algorithms[0]", 'expected "ES256"'),
        (text('schemes = ["digest"]'), "schemes[0]", 'expected "api-key", "basic" or "jwt"'),
        (text('scopes = ["a b"]'), "scopes[0]", "expected a scope"),
    ],
)
def test_what_cannot_stops_the_start(settings: str, key: str, problem: str, folder: Path) -> None:
    """Most of them would leave a door open, or shut to everybody."""
    (folder / "empty.json").write_text('{"keys": []}')
    first, *_ = problems_in(folder, settings)
    assert f"authentication.{key}" in first
    assert problem in first
    assert SECRET[:32] not in first


def test_a_route_can_ask_for_what_nobody_can_prove(folder: Path) -> None:
    """It is named."""
    route = '[[routes]]\npath = "/a"\nauthentication.schemes = ["jwt"]\n'
    (problem,) = problems_in(folder, text(KEYS, route))
    assert "routes[0].authentication.schemes" in problem
    route = '[[routes]]\npath = "/a"\nauthentication = { schemes = [], scopes = ["a"] }\n'
    (problem,) = problems_in(folder, text(KEYS, route))
    assert "routes[0].authentication.scopes" in problem
    assert "this route has no schemes" in problem


def test_every_line_of_a_broken_file_is_named(folder: Path) -> None:
    """And none of what is in it."""
    (folder / "credentials").write_text("alice password hunter2\nbob password hunter3\n")
    problems = problems_in(folder, text(KEYS))
    assert ["line 1" in problems[0], "line 2" in problems[1]] == [True, True]
    assert "hunter" not in str(problems)


def test_tokens_need_their_libraries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says what to install."""
    missing: Any = lambda name: None if name == "jwt" else find_spec(name)  # noqa: E731
    monkeypatch.setattr(authentication_rules, "find_spec", missing)
    (problem,) = problems_in(folder, text(JWT + 'public_key = "key.pem"'))
    assert problem.endswith("needs more packages: pip install 'gateway[jwt]'")


def test_a_secret_is_masked(folder: Path) -> None:
    """In what `gateway check` prints."""
    settings = load_text(folder, text(JWT + f'secret = "{SECRET}"\nalgorithms = ["HS256"]'))
    shown = to_toml_text(settings)
    assert SECRET not in shown
    assert 'secret = "***"' in shown
    assert settings.authentication.jwt.secret == SECRET


def test_without_a_secret_there_is_nothing_to_mask(folder: Path) -> None:
    """What is printed can be loaded again: a mask would be a key that anybody knows."""
    assert "\nsecret =" not in to_toml_text(load_text(folder, LIVE))


def test_the_environment_has_the_secret(folder: Path) -> None:
    """So that no file needs it."""
    environ = {"GATEWAY_AUTHENTICATION_JWT_SECRET": SECRET}
    settings = load_text(folder, text(JWT + 'algorithms = ["HS256"]'), environ)
    assert settings.authentication.jwt.secret == SECRET


@pytest.mark.parametrize(
    ("jwt", "warning"),
    [
        ('jwks_url = "http://issuer.test"', "anybody between can pass for the issuer"),
        ('public_key = "key.pem"\nrequired_claims = []', "tokens without exp count for ever"),
        ('public_key = "key.pem"', "tokens that the issuer made for others are taken too"),
    ],
    ids=["http", "exp", "audience"],
)
def test_what_is_probably_not_meant_is_a_warning(jwt: str, warning: str, folder: Path) -> None:
    """And stops nothing."""
    settings = load_text(folder, text(JWT + jwt))
    assert any(warning in each for each in warnings(settings))
    fine = 'public_key = "key.pem"\nissuers = ["i"]\nrequired_claims = ["exp", "jti"]'
    settings = load_text(folder, text(JWT + fine))
    assert not any("authentication" in each for each in warnings(settings))


def test_names_of_keys_and_tokens_can_meet(folder: Path) -> None:
    """A token about "batch" would be taken for the owner of that key."""
    both = 'schemes = ["api-key", "jwt"]\ncredentials = "credentials"\n[authentication.jwt]\n'
    both += 'public_key = "key.pem"\nissuers = ["i"]\n'
    (warning,) = [each for each in warnings(load_text(folder, text(both))) if "prefix" in each]
    assert "taken for that owner" in warning
    prefixed = load_text(folder, text(both + 'identity_prefix = "sso:"'))
    assert not any("prefix" in each for each in warnings(prefixed))
