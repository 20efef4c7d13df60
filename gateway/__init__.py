"""Gateway answers from a live upstream and mirrors the traffic to shadows.

``Gateway`` is a WSGI application: what ``gateway run`` serves, and what an older
stack mounts under a prefix. ``MirrorMiddleware`` wraps an application that is the
live side itself. ``load`` and ``Settings`` make the settings that both take.

Importing it starts no thread, opens nothing and configures nothing of the host. Each
name is imported when it is first asked for (PEP 562): a host that mirrors does not
load a gateway, and what only some settings need is loaded when they ask for it.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway._version import __version__

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.compare.verdict import Judged
    from gateway.embedding import MirrorMiddleware
    from gateway.errors import GatewayError, Refusal, SettingsError
    from gateway.settings.load import load
    from gateway.settings.model import Live, Settings, Shadow
    from gateway.shadow.copy import Copy

__all__ = [
    "Copy",
    "Gateway",
    "GatewayError",
    "Judged",
    "Live",
    "MirrorMiddleware",
    "Refusal",
    "Settings",
    "SettingsError",
    "Shadow",
    "__version__",
    "load",
]

# Where each name is.
_HOMES = MappingProxyType(
    {
        "Copy": "gateway.shadow.copy",
        "Gateway": "gateway.app",
        "GatewayError": "gateway.errors",
        "Judged": "gateway.compare.verdict",
        "Live": "gateway.settings.model",
        "MirrorMiddleware": "gateway.embedding",
        "Refusal": "gateway.errors",
        "Settings": "gateway.settings.model",
        "SettingsError": "gateway.errors",
        "Shadow": "gateway.settings.model",
        "load": "gateway.settings.load",
    }
)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
