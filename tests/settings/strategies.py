"""Settings and documents for hypothesis, made from the declarations.

A setting declared in model.py is covered here without another line; one with a
new format needs an entry in ``USABLE``, and fails loudly without.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from gateway.settings import HeaderRules, Settings, Tls
from gateway.settings.access_log import AccessLog
from gateway.settings.authentication import Authentication, Jwt, RouteAuthentication
from gateway.settings.comparison import Compare, CompareRules, TextRule
from gateway.settings.compression import Compression
from gateway.settings.cors import Cors
from gateway.settings.declared import Kind, all_keys, settings_of
from gateway.settings.rate_limit import Limit, RateLimit
from gateway.settings.store import Store
from gateway.settings.validation import Validation

TOKENS = st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True)
HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{2,4})?", fullmatch=True)
USABLE: dict[str, st.SearchStrategy[str]] = {
    "url": st.builds("http://{}:{}/{}".format, HOSTS, st.integers(1, 65535), HOSTS),
    "address": st.builds("127.0.0.1:{}".format, st.just(0)),
    "host": st.sampled_from(["keep", "upstream"]) | HOSTS,
    "path": st.builds("/{}/{}".format, HOSTS, st.sampled_from(["*", "**", "x", ""])),
    "method": st.sampled_from(["GET", "POST", "M-SEARCH"]),
    "token": TOKENS,
    "token-or-empty": st.just("") | TOKENS,
    "field-value": st.from_regex(r"([!-~]([ -~]*[!-~])?)?", fullmatch=True),
    "proxy": st.sampled_from(["10.0.0.0/8", "2001:db8::1", "unix"]),
    "rates": st.sampled_from(["5/s", "100/minute; 10/second; burst 20"]),
    "limit-key": st.sampled_from(["identity", "address", "route", "header:X-A"]),
    "redis-url": st.just("redis://redis.test:6379/1"),
    "store-url": st.sampled_from(
        ["off", "sqlite:///gateway.db", "postgresql://someone:secret@db.test:5432/gateway"]
    ),
    "document-url": st.builds("https://{}/{}?{}".format, HOSTS, HOSTS, HOSTS),
    "media-range": st.sampled_from(["text/*", "application/json"]),
    "network": st.sampled_from(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]),
    "web-origin": HOSTS.map("https://{}".format),
    "sample-key": st.just("request-id") | TOKENS.map("header:{}".format),
    "json-path": st.sampled_from(["$.total", "$.lines[*].id", "$..at", "$['a b'][0]"]),
    "member-path": st.sampled_from(["id", "$.product.id"]),
    "amount": st.sampled_from(["1", "0.005"]),
    "currency": st.sampled_from(["EUR", "$.currency"]),
    "hook": st.just("json:dumps"),
    "file": st.nothing(),
    "folder": st.nothing(),
}

# What goes with one value of another setting only, or must differ from its neighbours.
FIXED: dict[type[msgspec.Struct], dict[str, st.SearchStrategy[Any]]] = {
    AccessLog: {"to": st.sampled_from(["off", "stdout"]), "file": st.none()},
    RateLimit: {"store": st.just("embedded"), "redis": st.none()},
    Limit: {"name": st.just("")},
    Authentication: {
        "schemes": st.just(()),
        "scopes": st.just(()),
        "key_field": st.just("X-Api-Key"),
        "identity_field": st.just(""),
    },
    Compression: {"codings": st.just(("gzip",))},
    Compare: {"ignore_headers": st.just(("X-A",)), "headers": st.just(("X-B",))},
    CompareRules: {"ignore_headers": st.just(("X-A",)), "headers": st.just(("X-B",))},
    TextRule: {"pattern": st.just("[0-9]+"), "replace": st.just("n"), "header": st.none()},
    Store: {"url": st.none()},  # it may have a password, and is masked
    Cors: {"origins": st.just(("https://app.test",))},
    Jwt: {"jwks_url": st.none(), "secret": st.none()},
    Validation: {"base_path": st.none()},
    RouteAuthentication: dict.fromkeys(("schemes", "scopes"), st.none() | st.just(())),
}


def _numbers(shape: Any, one: float | int) -> dict[str, Any]:
    low = shape.ge if shape.gt is None else shape.gt
    high = shape.le if shape.lt is None else shape.lt
    return {
        "min_value": low + one if low is not None and shape.gt is not None else low,
        "max_value": high - one if high is not None and shape.lt is not None else high,
    }


def _text(kind: Kind, *, usable: bool) -> st.SearchStrategy[str]:
    name = kind.extra.get("format")
    if usable and name is not None:
        return USABLE[name]
    if kind.shape.pattern is not None:
        return st.from_regex(kind.shape.pattern).filter(_fits(kind.shape))
    return st.from_regex(r"[a-z]{1,9}", fullmatch=True) if usable else _texts(kind.shape)


def _texts(shape: Any) -> st.SearchStrategy[str]:
    return st.text(min_size=shape.min_length or 0, max_size=shape.max_length)


def _fits(shape: Any) -> Any:
    longest = shape.max_length or math.inf
    return lambda text: len(text) <= longest and text.isprintable()


def values(kind: Kind, *, usable: bool) -> st.SearchStrategy[Any]:
    """Values of a declared kind: all that msgspec accepts, or such as the loader does too."""
    shape = kind.shape
    if isinstance(shape, inspect.StructType):
        made = models(shape.cls, usable=usable)
    elif isinstance(shape, inspect.VarTupleType):
        # Whole settings must stay within what hypothesis draws for one example.
        most = 3 if kind.item is None or kind.item.model is None else 1
        made = st.lists(values(kind.item, usable=usable), max_size=most).map(tuple)
    elif isinstance(shape, inspect.DictType):
        name, value = values(kind.name, usable=usable), values(kind.value, usable=usable)
        made = st.dictionaries(name, value, max_size=0 if usable else 3)
    elif isinstance(shape, inspect.BoolType):
        made = st.booleans()
    elif isinstance(shape, inspect.IntType):
        made = st.integers(**_numbers(shape, 1))
    elif isinstance(shape, inspect.FloatType):
        made = st.floats(**_numbers(shape, 1e-9), allow_nan=False, allow_infinity=False)
    elif isinstance(shape, inspect.LiteralType):
        made = st.sampled_from(shape.values)
    else:
        assert isinstance(shape, inspect.StrType), shape
        made = _text(kind, usable=usable)
    return st.none() | made if kind.optional else made


def models(model: type[msgspec.Struct], *, usable: bool) -> st.SearchStrategy[Any]:
    """Values of a model."""
    if usable and model is Tls:
        return st.just(Tls())
    if usable and model is HeaderRules:
        return st.builds(HeaderRules)
    made = {s.name: values(s.kind, usable=usable) for s in settings_of(model)}
    if usable:
        made |= FIXED.get(model, {})
    return st.builds(model, **made)


def any_settings() -> st.SearchStrategy[Settings]:
    """Whatever msgspec takes for Settings."""
    return models(Settings, usable=False)


def usable_settings() -> st.SearchStrategy[Settings]:
    """Settings whose values are fine one by one, without secrets and files."""
    return models(Settings, usable=True).map(_without_collisions)


def _without_collisions(settings: Settings) -> Settings:
    """Most settings made at random collide somewhere; the rules have tests of their own."""
    limit = settings.request.max_body
    shadows = {shadow.name: shadow for shadow in settings.shadows}.values()
    routes = {route.path: route for route in settings.routes}.values()
    replace = msgspec.structs.replace
    return replace(
        settings,
        shadows=tuple(replace(shadow, max_body=min(shadow.max_body, limit)) for shadow in shadows),
        routes=tuple(routes),
        # A share needs a folder, and there are none here.
        record=replace(settings.record, percent=0.0),
    )


_KEYS = sorted({key.rpartition(".")[2].removesuffix("[]") for key in all_keys()})
_SCALARS = (
    st.none().map(lambda _: "http://a.test")
    | st.text(max_size=8)
    | st.sampled_from(["http://u:p@h", "1s", "10MiB", "/a", "GET", "0.0.0.0:1", "Host", "\x00"])
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.integers(10**300, 10**310)
    | st.datetimes().map(lambda when: when.replace(microsecond=0))
    | st.dates()
    | st.times().map(lambda when: when.replace(microsecond=0))
)


_JUNK = st.recursive(
    _SCALARS,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), below, max_size=4)
    ),
    max_leaves=8,
)


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Anything TOML can say; mostly tables and values where settings are, right and wrong."""
    shaped = _tables(Settings)
    junk = st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _JUNK, max_size=3)
    return st.builds(lambda one, other: {**one, **other}, shaped, junk) | shaped


def _tables(model: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    optional = {s.name: st.one_of(_raw(s.kind), _raw(s.kind), _JUNK) for s in settings_of(model)}
    return st.fixed_dictionaries({}, optional=optional)


def _raw(kind: Kind) -> st.SearchStrategy[Any]:
    if kind.model is not None:
        return _tables(kind.model)
    if kind.item is not None:
        return st.lists(_raw(kind.item), max_size=3)
    if kind.name is not None and kind.value is not None:
        return st.dictionaries(_raw(kind.name) | st.just("Host"), _raw(kind.value), max_size=3)
    if "path" in kind.extra:
        return st.sampled_from([".", "gateway.toml", "missing", "a\0b", ""])
    return values(kind, usable=True).filter(lambda value: value is not None)


def as_toml(document: dict[str, Any]) -> str:
    """A document in TOML, each top-level value on one line."""
    return "".join(f"{_text_of(key)} = {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text_of(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return _text_of(value) if isinstance(value, str) else repr(value)


def _text_of(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
