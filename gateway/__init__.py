"""Gateway answers from a live upstream and mirrors the traffic to shadows.

``Gateway(settings)`` is a WSGI application: what ``gateway run`` serves, and
what an older stack mounts under a prefix. ``load`` and ``Settings`` make the
settings it takes.
"""

from gateway._version import __version__
from gateway.app import Gateway
from gateway.errors import GatewayError, Refusal, SettingsError
from gateway.settings import Settings, load
from gateway.settings.model import Live, Shadow

__all__ = [
    "Gateway",
    "GatewayError",
    "Live",
    "Refusal",
    "Settings",
    "SettingsError",
    "Shadow",
    "__version__",
    "load",
]
