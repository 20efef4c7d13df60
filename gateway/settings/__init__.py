"""Settings: declared in ``model.py``, loaded once, handed on as one frozen value.

Stands beside a request's path: only the composition root reads settings, parts
get values. Imports nothing but the standard library, msgspec and leaves of this
package, so that checking a file is quick.
"""

from gateway.errors import SettingsError
from gateway.settings.codec import from_json, to_json
from gateway.settings.load import load, validated
from gateway.settings.model import (
    HeaderRules,
    Live,
    Mirror,
    Request,
    Route,
    Settings,
    Shadow,
    Tls,
)
from gateway.settings.overrides import FLAGS
from gateway.settings.server import Server
from gateway.settings.show import masked, to_toml_text
from gateway.settings.summary import summary, warnings

__all__ = [
    "FLAGS",
    "HeaderRules",
    "Live",
    "Mirror",
    "Request",
    "Route",
    "Server",
    "Settings",
    "SettingsError",
    "Shadow",
    "Tls",
    "from_json",
    "load",
    "masked",
    "summary",
    "to_json",
    "to_toml_text",
    "validated",
    "warnings",
]
