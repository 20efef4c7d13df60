"""Declared here: who may come in, and what they show for it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Bytes, FieldName, File, Model, Seconds

SchemeName = Annotated[Literal["api-key", "basic", "jwt"], Meta()]
Algorithm = Annotated[
    Literal[
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
    ],
    Meta(),
]
# RFC 6749 section 3.3, less the comma that separates scopes in a credential file.
Scope = Annotated[
    str,
    Meta(
        pattern=r"^[!#-+\--\[\]-~]{1,128}$",
        extra={"expected": "a scope: a word without commas, quotes and backslashes"},
    ),
]
Claim = Annotated[
    str,
    Meta(min_length=1, max_length=256, extra={"expected": "the name of a claim, such as sub"}),
]
Word = Annotated[
    str, Meta(min_length=1, max_length=2048, extra={"expected": "a text in quotes, not empty"})
]


class Jwt(Model, frozen=True):
    """Bearer tokens (JWT). The keys come from one of `jwks_url`, `jwks`, `public_key`, `secret`.

    Needs `pip install 'gateway[jwt]'`.
    """

    algorithms: Annotated[
        tuple[Algorithm, ...],
        Meta(description="signatures that are accepted, if the key is made for them too"),
    ] = ("RS256", "ES256", "EdDSA")
    jwks_url: Annotated[
        str | None,
        Meta(
            description="the issuer's JWK Set, fetched at the start, again and again, and "
            "when a token names a key that is not in it",
            extra={
                "format": "document-url",
                "expected": "an http:// or https:// URL without fragment or credentials",
            },
        ),
    ] = None
    jwks_ca: Annotated[
        File | None,
        Meta(description="PEM file of the authorities that `jwks_url` is verified with"),
    ] = None
    jwks_refresh: Annotated[
        Seconds,
        Meta(description="how often `jwks_url` is fetched: how long a withdrawn key counts"),
    ] = 600.0
    jwks_timeout: Annotated[Seconds, Meta(description="longest time for one fetch of it")] = 5.0
    jwks: Annotated[
        File | None, Meta(description="a JWK Set in a file, which is read again when it changes")
    ] = None
    public_key: Annotated[
        File | None,
        Meta(description="PEM file of the one public key, or of its certificate; read again too"),
    ] = None
    secret: Annotated[
        Annotated[str, Meta(min_length=32)] | None,
        Meta(
            description="the one secret of HS256, HS384 and HS512: at least 32, 48 or 64 bytes",
            extra={"secret": True, "expected": "at least 32 characters"},
        ),
    ] = None
    issuers: Annotated[
        tuple[Word, ...], Meta(description="accepted values of `iss`; any when empty")
    ] = ()
    audiences: Annotated[
        tuple[Word, ...],
        Meta(description="values of `aud` that mean us; when empty, a token with `aud` is refused"),
    ] = ()
    types: Annotated[
        tuple[Word, ...],
        Meta(description="accepted values of the header `typ`, such as at+jwt; any when empty"),
    ] = ()
    required_claims: Annotated[
        tuple[Claim, ...], Meta(description="claims that a token must have")
    ] = ("exp",)
    claims: Annotated[
        dict[Claim, Word],
        Meta(description="values that a token's claims must have, or have in their list"),
    ] = {}
    leeway: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="by how much the issuer's clock may differ",
            extra={"unit": "seconds", "expected": 'seconds, or a text such as "30s"'},
        ),
    ] = 30.0
    max_token: Annotated[Bytes, Meta(description="longest token that is looked at")] = 8192
    identity_claim: Annotated[Claim, Meta(description="the claim that says who it is")] = "sub"
    identity_prefix: Annotated[
        str,
        Meta(
            pattern="^[!-~]*$",
            max_length=64,
            description="put before it, so that no token can have the name of an API key's owner",
            extra={"expected": "visible ASCII characters, at most 64"},
        ),
    ] = ""
    scope_claim: Annotated[
        Claim, Meta(description="the claim with the scopes: a text with spaces, or a list")
    ] = "scope"


class Authentication(Model, frozen=True):
    """Who may come in. Without `schemes` here and in the routes: everybody."""

    schemes: Annotated[
        tuple[SchemeName, ...],
        Meta(description="what a client can show; the first that it does show counts"),
    ] = ()
    scopes: Annotated[
        tuple[Scope, ...], Meta(description="scopes that every client must have")
    ] = ()
    credentials: Annotated[
        File | None,
        Meta(
            description="file of API keys and passwords, made by `gateway keys`; read again "
            "when it changes"
        ),
    ] = None
    realm: Annotated[
        str,
        Meta(
            pattern="^[ -~]+$",
            max_length=128,
            description="what clients are told that they need a credential for",
            extra={"expected": "printable ASCII characters"},
        ),
    ] = "gateway"
    key_field: Annotated[FieldName, Meta(description="the field in which API keys are sent")] = (
        "X-Api-Key"
    )
    identity_field: Annotated[
        str,
        Meta(
            description="the field in which upstreams are told who the client is; whatever a "
            'client sends under this name is removed; "" tells nobody and removes nothing',
            extra={"format": "token-or-empty", "expected": 'a header field name, or ""'},
        ),
    ] = ""
    forward_credentials: Annotated[
        bool,
        Meta(description="whether upstreams get the credentials that were checked here"),
    ] = True
    jwt: Jwt = Jwt()


class RouteAuthentication(Model, frozen=True):
    """What a route asks for, in place of what is asked for in general.

    A route without it leaves that to the next less specific one.
    """

    schemes: Annotated[
        tuple[SchemeName, ...] | None,
        Meta(description="as in general; [] lets everybody in; the general ones when left out"),
    ] = None
    scopes: Annotated[
        tuple[Scope, ...] | None, Meta(description="as in general; the general ones when left out")
    ] = None
