"""Rules about more than one setting: what contradicts, collides or has no effect.

Each rule takes the settings and yields what it found; it opens nothing. A rule
whose settings are fine one by one but would surprise together belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from types import MappingProxyType
from urllib.parse import unquote

from gateway.headers import HOP_BY_HOP
from gateway.settings.answer_rules import answer_findings
from gateway.settings.authentication_rules import authentication_findings
from gateway.settings.comparison_rules import comparison_findings
from gateway.settings.declared import Key
from gateway.settings.file_rules import folder_findings, tls_findings
from gateway.settings.findings import Finding
from gateway.settings.isolation_rules import floor_findings
from gateway.settings.log_rules import access_log_findings, id_findings, tracing_findings
from gateway.settings.model import Live, Settings, Shadow
from gateway.settings.problems import dotted
from gateway.settings.rate_limit_rules import rate_limit_findings
from gateway.settings.record_rules import record_findings
from gateway.settings.server_rules import admin_findings, server_findings, transport_findings
from gateway.settings.store_rules import store_findings
from gateway.settings.validation_rules import validation_findings

# Fields that a rule must not touch, and what to use instead.
_NOT_BY_RULE = MappingProxyType(
    dict.fromkeys(HOP_BY_HOP, "it is about one connection and never forwarded; leave it out")
    | {
        "host": "use the shadow's setting host for it",
        "content-length": "it is always the size of the body; leave it out",
        "transfer-encoding": "bodies are sent with their Content-Length; leave it out",
        "expect": "the gateway answers it itself; leave it out",
    }
)


def addresses_differ(settings: Settings) -> Iterator[Finding]:
    """The admin listener must not be reachable through the public one."""
    bind, admin = settings.server.bind, settings.server.admin
    if _overlap(bind, admin):
        keys = (("server", "admin"), ("server", "bind"))
        yield Finding(keys, f"bind ({bind}) and admin ({admin}) need different ports")


def _overlap(one: str, other: str) -> bool:
    if one.startswith("unix:") or other.startswith("unix:"):
        return one == other
    (host, _, port), (other_host, _, other_port) = one.rpartition(":"), other.rpartition(":")
    if port.lstrip("0") != other_port.lstrip("0") or not port.strip("0"):
        return False  # Port 0 is another one each time.
    hosts = {
        "127.0.0.1" if each.lower() == "localhost" else each.lower() for each in (host, other_host)
    }
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "[::]"})


def shadow_names_differ(settings: Settings) -> Iterator[Finding]:
    """A name stands for one shadow in metrics and commands."""
    for (i, one), (j, other) in combinations(enumerate(settings.shadows), 2):
        if one.name == other.name:
            keys = (("shadows", j, "name"), ("shadows", i, "name"))
            yield Finding(keys, f"shadows[{i}] has this name too; each needs its own")


def shadows_are_not_live(settings: Settings) -> Iterator[Finding]:
    """A copy sent to live is a request that live answers twice."""
    for index, shadow in enumerate(settings.shadows):
        if _same_upstream(settings.live, shadow):
            keys: tuple[Key, ...] = (("shadows", index, "url"), ("live", "url"))
            yield Finding(keys, f"that is live's url: {_TWICE}")
        for number, route in enumerate(settings.routes):
            if route.live is None or not route.mirror or shadow.routes not in ((), (route.path,)):
                continue
            if _same_upstream(route.live, shadow):
                keys = (("shadows", index, "url"), ("routes", number, "live", "url"))
                message = f"that is the live url of routes[{number}]: {_TWICE}"
                yield Finding(keys, f"{message}, or mirror = false for that route")


def upstreams_are_not_us(settings: Settings) -> Iterator[Finding]:
    """A request sent back to the gateway comes round again, and again, on to live."""
    upstreams: list[tuple[Key, str]] = [(("live", "url"), settings.live.url)]
    upstreams += [(("shadows", i, "url"), s.url) for i, s in enumerate(settings.shadows)]
    upstreams += [
        (("routes", i, "live", "url"), route.live.url)
        for i, route in enumerate(settings.routes)
        if route.live is not None
    ]
    for name, address in (("bind", settings.server.bind), ("admin", settings.server.admin)):
        for key, url in upstreams:
            if url and _leads_to(url, address):
                ours = f"that is the gateway's own {name} address ({address})"
                message = f"{ours}: a request would come round for ever"
                yield Finding((key, ("server", name)), message)


def _leads_to(url: str, address: str) -> bool:
    scheme, authority, _ = _normal(url)
    if scheme == "http+unix" or address.startswith("unix:"):
        return scheme == "http+unix" and unquote(authority) == address.removeprefix("unix:")
    if not authority.rpartition(":")[2].isdigit():
        authority += {"http": ":80", "https": ":443"}[scheme]
    host = authority.rpartition(":")[0]
    # On all addresses we listen on that one too; which others are ours is not known here.
    everywhere = address.startswith(("0.0.0.0:", "[::]:"))
    return _overlap(authority, address) and (not everywhere or host in _LOOPBACK)


_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_TWICE = "live would do every request twice; give the shadow another url or another host"


def _same_upstream(live: Live, shadow: Shadow) -> bool:
    # One ingress may serve both, told apart by Host.
    return bool(live.url) and same_url(live.url, shadow.url) and live.host == shadow.host


def same_url(one: str, other: str) -> bool:
    """Whether two URLs name the same place."""
    return _normal(one) == _normal(other)


def _normal(url: str) -> tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    default_port = {"http": ":80", "https": ":443"}.get(scheme, " ")
    if scheme != "http+unix":
        authority = authority.lower().removesuffix(default_port)
    return scheme, authority, path.rstrip("/")


def bodies_fit(settings: Settings) -> Iterator[Finding]:
    """A shadow's limit above that of requests is one that is never reached."""
    for index, shadow in enumerate(settings.shadows):
        if shadow.max_body > settings.request.max_body:
            keys = (("shadows", index, "max_body"), ("request", "max_body"))
            limit = settings.request.max_body
            yield Finding(keys, f"more than request.max_body ({limit} bytes) lets in")


def header_rules(settings: Settings) -> Iterator[Finding]:
    """A shadow's header rules must not touch framing, nor each other."""
    for index, shadow in enumerate(settings.shadows):
        key = ("shadows", index)
        named: list[tuple[str, Key]] = [(shadow.mark, (*key, "mark"))] if shadow.mark else []
        named += [(name, (*key, "headers", "set", name)) for name in shadow.headers.set]
        named += [
            (name, (*key, "headers", "remove", i)) for i, name in enumerate(shadow.headers.remove)
        ]
        for name, here in named:
            instead = _NOT_BY_RULE.get(name.lower())
            if instead:
                yield Finding((here,), f"{name} cannot be set or removed: {instead}")
        yield from _named_twice(named)


def _named_twice(named: list[tuple[str, Key]]) -> Iterator[Finding]:
    first: dict[str, Key] = {}
    for name, key in named:
        earlier = first.setdefault(name.lower(), key)
        if earlier != key:
            message = f"{name} is in {dotted(earlier)} already (upper and lower case are the same)"
            yield Finding((key, earlier), message)


def routes_differ(settings: Settings) -> Iterator[Finding]:
    """One request, one most specific route."""
    for (i, one), (j, other) in combinations(enumerate(settings.routes), 2):
        if one.path != other.path or bool(one.methods) != bool(other.methods):
            continue
        shared = [method for method in other.methods if method in one.methods]
        if shared or not one.methods:
            what = f"{', '.join(shared)} on this path" if shared else "this path"
            keys = (("routes", j, "path"), ("routes", i, "path"))
            yield Finding(keys, f"routes[{i}] is for {what} too; which one should win?")


RULES: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    addresses_differ,
    shadow_names_differ,
    shadows_are_not_live,
    upstreams_are_not_us,
    bodies_fit,
    header_rules,
    routes_differ,
    tls_findings,
    folder_findings,
    server_findings,
    admin_findings,
    transport_findings,
    access_log_findings,
    tracing_findings,
    id_findings,
    authentication_findings,
    rate_limit_findings,
    validation_findings,
    answer_findings,
    floor_findings,
    store_findings,
    comparison_findings,
    record_findings,
)
