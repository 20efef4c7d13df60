"""gevent's replacements for names that were imported before it came.

gevent patches modules: who has done ``from ssl import SSLContext`` keeps what
blocks. A worker is patched after fork, when the master has long imported nearly
everything, since it reads the settings. So what other packages have captured is
looked up and replaced here. It matters for TLS over urllib3: where the patched
and the captured ``SSLContext`` meet, they call each other for ever.

Not here: what objects made earlier hold, and defaults of arguments. Our own
code looks such things up when it needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from gevent import monkey  # type: ignore[import-untyped]

# The standard library is gevent's own business.
_NOT_OTHERS = sys.stdlib_module_names | {"gevent", "greenlet"}


def replace_captured() -> None:
    """After ``monkey.patch_all()``, while nobody uses any of it yet."""
    replacements = dict(_replacements())
    for module in list(sys.modules.values()):
        if module.__name__.partition(".")[0] not in _NOT_OTHERS:
            _replace(module, replacements)


def _replacements() -> Iterator[tuple[int, Any]]:
    """What gevent has replaced, by the identity of the original."""
    for module_name, originals in monkey.saved.items():
        module = sys.modules.get(module_name)
        for name, original in originals.items():
            replacement = getattr(module, name, original)
            # Flags are replaced too, and there is only one True in a process.
            if replacement is not original and callable(original):
                yield id(original), replacement


def _replace(module: ModuleType, replacements: dict[int, Any]) -> None:
    for name, value in list(vars(module).items()):
        if id(value) in replacements:
            setattr(module, name, replacements[id(value)])
