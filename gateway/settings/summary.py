"""What settings amount to, in sentences: who gets what, and what looks like a mistake.

``warnings`` stop nothing. They exist because a gateway that mirrors nothing
answers its clients perfectly well, and nobody notices for a week.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.routes import PathRule
from gateway.settings.authentication_rules import authentication_warnings
from gateway.settings.findings import upstreams
from gateway.settings.model import Settings, Shadow
from gateway.settings.problems import dotted
from gateway.settings.units import format_duration, format_size


def summary(settings: Settings) -> Iterator[str]:
    """One line for each shadow: which requests it will get, and where."""
    for shadow in settings.shadows:
        yield f"{shadow.name}: {_share(shadow)} of {_which(settings, shadow)} → {_target(shadow)}"


def _share(shadow: Shadow) -> str:
    by = "" if shadow.percent in {0, 100} else f" (by {shadow.sample_by.replace(':', ' ')})"
    return f"{shadow.percent:g} %{by}"


def _which(settings: Settings, shadow: Shadow) -> str:
    methods = f"{', '.join(shadow.methods)} requests" if shadow.methods else "requests"
    paths = f" to {', '.join(shadow.routes)}" if shadow.routes else ""
    text = methods + paths if shadow.methods or shadow.routes else "all requests"
    unmirrored = [route.path for route in settings.routes if not route.mirror]
    if unmirrored:
        text += f" (routes without mirror: {', '.join(unmirrored)})"
    return text


def _target(shadow: Shadow) -> str:
    within = format_duration(shadow.timeout) or f"{shadow.timeout} s"
    limits = [f"bodies up to {_size(shadow.max_body)}", f"within {within}"]
    if shadow.host != "keep":
        limits.append(f"Host: {shadow.host}")
    if not shadow.mirror_refused:
        limits.append("not what live refused")
    if not shadow.mirror_abandoned:
        limits.append("not what clients gave up")
    return f"{shadow.url} ({', '.join(limits)})"


def _size(size: int) -> str:
    return format_size(size) or f"{size} bytes"


def warnings(settings: Settings) -> Iterator[str]:
    """What can be meant, but probably is not."""
    if not settings.shadows:
        yield "nothing is mirrored: there is no shadow (--shadow, GATEWAY_SHADOW or [[shadows]])"
    for shadow in settings.shadows:
        for text in _shadow_warnings(settings, shadow):
            yield f"{shadow.name}: {text}"
    for key, upstream in upstreams(settings):
        if not upstream.tls.verify:
            yield f"{dotted(key)}: anybody can pass for this upstream (tls.verify = false)"
    yield from authentication_warnings(settings)
    if settings.mirror.drain_timeout >= settings.server.graceful_timeout:
        yield (
            "mirror.drain_timeout is not shorter than server.graceful_timeout: "
            "a stopping worker is killed before its shadow calls have ended"
        )


def _shadow_warnings(settings: Settings, shadow: Shadow) -> Iterator[str]:
    if shadow.percent == 0:
        yield f"gets nothing: percent is 0 (to change it: gateway shadow {shadow.name} --percent P)"
    if _shut_out(settings, shadow):
        yield "gets nothing: routes with mirror = false cover all its requests"
    most = settings.mirror.max_queue_bytes
    if shadow.max_body > most:
        yield f"bodies of more than mirror.max_queue_bytes ({_size(most)}) are always dropped"


def _shut_out(settings: Settings, shadow: Shadow) -> bool:
    """Whether no request can be both this shadow's and mirrored. In doubt: no."""
    if any(route.mirror for route in settings.routes):
        return False
    closed = [PathRule(route.path) for route in settings.routes if not route.methods]
    paths = shadow.routes or ("/**",)
    return all(any(_covers(rule, path) for rule in closed) for path in paths)


def _covers(rule: PathRule, path: str) -> bool:
    """Whether a rule matches all that a path rule does, as far as their texts tell."""
    if rule.pattern in {path, "/", "/**"}:
        return True
    return "*" not in rule.pattern and rule.matches(path.partition("*")[0])
