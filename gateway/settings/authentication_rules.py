"""Rules about authentication. They open the files it needs: what a start would trip over.

Keys of tokens are only looked at roughly here, since reading them takes libraries that
not every gateway has; what is wrong inside them is said in the log of the start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gateway.auth.credentials import Unusable, parse_credentials
from gateway.headers import HOP_BY_HOP
from gateway.settings.authentication import Jwt
from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings

_SOURCES = ("jwks_url", "jwks", "public_key", "secret")
_TAKEN = HOP_BY_HOP | {"host", "content-length", "content-type", "authorization", "cookie"}
_SECRET_BYTES = (("HS512", 64), ("HS384", 48), ("HS256", 32))


def authentication_findings(settings: Settings) -> Iterator[Finding]:
    """What is asked for cannot be proven, or is never asked for."""
    used = schemes_in_use(settings)
    yield from _credential_findings(settings, used)
    yield from _field_findings(settings, used)
    yield from _scope_findings(settings)
    yield from _token_findings(settings.authentication.jwt, used)


def schemes_in_use(settings: Settings) -> dict[str, Key]:
    """Every scheme that some route takes, with the key that says so first."""
    used: dict[str, Key] = dict.fromkeys(
        settings.authentication.schemes, ("authentication", "schemes")
    )
    for index, route in enumerate(settings.routes):
        for scheme in (route.authentication and route.authentication.schemes) or ():
            used.setdefault(scheme, ("routes", index, "authentication", "schemes"))
    return used


def _credential_findings(settings: Settings, used: dict[str, Key]) -> Iterator[Finding]:
    path, key = settings.authentication.credentials, ("authentication", "credentials")
    by = next((used[scheme] for scheme in ("api-key", "basic") if scheme in used), None)
    if path is None and by is not None:
        message = "needs authentication.credentials; make the file with: gateway keys add NAME"
        yield Finding((by,), f"{message} --file FILE")
    if path is not None and by is None:
        yield Finding((key,), 'has no effect: no schemes have "api-key" or "basic" in them')
    if path is not None and by is not None:
        for problem in problems_of_credentials(Path(path)):
            yield Finding((key,), problem)


def problems_of_credentials(path: Path) -> list[str]:
    """Why this is no file of credentials; nothing if it is one."""
    try:
        parse_credentials(path.read_bytes())
    except FileNotFoundError:
        return ["there is no such file; make it with: gateway keys add NAME --file FILE"]
    except OSError as error:
        return [f"cannot read this file: {error.strerror}"]
    except Unusable as error:
        return error.problems
    return []


def _field_findings(settings: Settings, used: dict[str, Key]) -> Iterator[Finding]:
    authentication = settings.authentication
    key_field, field = authentication.key_field, authentication.identity_field
    for name, value in (("key_field", key_field), ("identity_field", field)):
        if _plain(value) in _TAKEN:
            yield Finding((("authentication", name),), f"{value} means something else already")
    keys: tuple[Key, ...] = (("authentication", "identity_field"), ("authentication", "key_field"))
    if _plain(field) == _plain(key_field):
        yield Finding(keys, "identity_field and key_field need different names")
    if field and not used:
        yield Finding(keys[:1], "has no effect: there are no schemes, so nobody has an identity")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _scope_findings(settings: Settings) -> Iterator[Finding]:
    general = settings.authentication
    if general.scopes and not schemes_in_use(settings):
        yield Finding((("authentication", "scopes"),), "has no effect: there are no schemes")
    for index, route in enumerate(settings.routes):
        own = route.authentication
        if own is None or not own.scopes:
            continue
        if not (general.schemes if own.schemes is None else own.schemes):
            key = ("routes", index, "authentication", "scopes")
            yield Finding((key,), "has no effect: this route has no schemes")


def _token_findings(jwt: Jwt, used: dict[str, Key]) -> Iterator[Finding]:
    here = ("authentication", "jwt")
    given = [name for name in _SOURCES if getattr(jwt, name)]
    if "jwt" not in used:
        for name in given:
            yield Finding(((*here, name),), 'has no effect: no schemes have "jwt" in them')
        return
    if find_spec("jwt") is None or find_spec("cryptography") is None:
        yield Finding((used["jwt"],), "needs more packages: pip install 'gateway[jwt]'")
    if not given:
        message = f'"jwt" needs one of {", ".join(f"authentication.jwt.{s}" for s in _SOURCES)}'
        yield Finding((used["jwt"],), message)
    for other in given[1:]:
        yield Finding(((*here, other),), f"{given[0]} is given too; the keys come from one place")
    if jwt.jwks_ca and not (jwt.jwks_url or "").startswith("https://"):
        yield Finding(((*here, "jwks_ca"),), "has no effect without an https:// jwks_url")
    if not jwt.algorithms:
        yield Finding(((*here, "algorithms"),), "without any no token can be right")
    yield from _algorithm_findings(jwt, here)
    yield from _file_findings(jwt, here)


def _algorithm_findings(jwt: Jwt, here: Key) -> Iterator[Finding]:
    """A list that does not fit the keys would refuse everybody."""
    keys: tuple[Key, ...] = ((*here, "algorithms"), (*here, "secret"))
    symmetric = [name for name in jwt.algorithms if name.startswith("HS")]
    if jwt.secret and jwt.algorithms:
        if not symmetric:
            message = 'no algorithm is for a secret; authentication.jwt.algorithms = ["HS256"] is'
            yield Finding(keys, message)
        size = len(jwt.secret.encode())
        for name, least in _SECRET_BYTES:
            if name in symmetric and size < least:
                yield Finding(keys, f"{name} needs a secret of at least {least} bytes")
    elif symmetric and (jwt.jwks_url or jwt.public_key):
        message = f"{symmetric[0]} is for secrets, and the keys are public ones"
        yield Finding(keys[:1], message)


def _file_findings(jwt: Jwt, here: Key) -> Iterator[Finding]:
    for name, fault_of in _FILES:
        path = getattr(jwt, name)
        if path is None:
            continue
        try:
            fault = fault_of(Path(path).read_bytes())
        except OSError as error:
            fault = f"cannot read this file: {error.strerror}"
        if fault is not None:
            yield Finding(((*here, name),), fault)


def _jwks_fault(data: bytes) -> str | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return "not JSON, which a JWK Set is"
    keys = document.get("keys") if isinstance(document, dict) else None
    return None if isinstance(keys, list) and keys else 'no JWK Set: it has no list "keys"'


def _pem_fault(data: bytes) -> str | None:
    if b"PRIVATE KEY-----" in data:
        return "a private key; the gateway needs the public one only"
    public = b"-----BEGIN PUBLIC KEY-----" in data or b"-----BEGIN CERTIFICATE-----" in data
    return None if public else "no PEM file of a public key or certificate"


def _ca_fault(data: bytes) -> str | None:
    return None if b"-----BEGIN CERTIFICATE-----" in data else "no PEM file of certificates"


_FILES = (("jwks", _jwks_fault), ("public_key", _pem_fault), ("jwks_ca", _ca_fault))


def authentication_warnings(settings: Settings) -> Iterator[str]:
    """What can be meant, but probably is not."""
    jwt, used = settings.authentication.jwt, schemes_in_use(settings)
    if "jwt" not in used:
        return
    if (jwt.jwks_url or "").startswith("http://"):
        yield "authentication.jwt.jwks_url: anybody between can pass for the issuer (http://)"
    if "exp" not in jwt.required_claims:
        yield "authentication.jwt.required_claims: tokens without exp count for ever"
    if not jwt.issuers and not jwt.audiences:
        yield (
            "authentication.jwt: tokens that the issuer made for others are taken too "
            "(neither issuers nor audiences are given)"
        )
    if len(used) > 1 and not jwt.identity_prefix:
        yield (
            "authentication.jwt.identity_prefix: without one, a token about the name of a key's "
            "owner is taken for that owner"
        )
