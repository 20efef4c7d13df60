"""The user's own function in a comparison: finding it, calling it, not trusting it.

A leaf: the settings look with it whether the function is there.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from gateway.errors import GatewayError

# (request, live, shadow, differences found) → those that count
Hook = Callable[..., Any]


class HookError(GatewayError):
    """There is no such function. The text says what there is not."""


def load_hook(name: str) -> Hook:
    """The function ``MODULE:FUNCTION`` names. Raises ``HookError``."""
    module_name, _, path = name.partition(":")
    try:
        found: Any = import_module(module_name)
    except Exception as error:  # Stated boundary: importing runs whatever the module has in it.
        raise HookError(_explained(module_name, error)) from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise HookError(f"the module {module_name} has no {path}")
        found = getattr(found, part)
    if not callable(found):
        raise HookError(f"{path} in {module_name} is no function")
    hook: Hook = found
    return hook


def _explained(module: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and module.startswith(error.name or "?"):
        return (
            f"there is no module {error.name}: install it, "
            "or start the gateway with its folder in PYTHONPATH"
        )
    return f"the module {module} cannot be imported ({type(error).__name__}: {error})"
