"""What a host pays for ``import gateway``, and what it does not get for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# What they bring along is their business; anything else would be ours.
_CORE = {"werkzeug", "requests", "urllib3", "msgspec", "httptools", "gateway"}
_THEIRS = {"certifi", "charset_normalizer", "chardet", "idna", "markupsafe", "typing_extensions"}
# urllib3 imports these where they are installed, whoever imports it.
_THEIRS |= {"brotli", "brotlicffi", "backports", "zstandard", "cython_runtime"}

# Made by .pth files at the start of every interpreter.
_NAMESPACES = {"paste", "zope"}

_PROGRAM = """
import json, logging, os, signal, socket, sys, threading, warnings

class Watch:
    opened = []

def audit(event, args):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork"}:
        Watch.opened.append(event)
    if event == "open" and args[1] not in (None, "r", "rb"):
        Watch.opened.append(args[0])

import %s
sys.addaudithook(audit)

def state():
    return [
        threading.active_count(),
        len(logging.root.handlers), logging.root.level,
        sorted(logging.root.manager.loggerDict),
        [repr(each) for each in warnings.filters],
        [repr(signal.getsignal(each)) for each in sorted(signal.valid_signals())],
        socket.getdefaulttimeout(),
        sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else [],
        sys.getswitchinterval(),
    ]

before = state()
%s
names = {each.partition(".")[0] for each in sys.modules} - set(sys.stdlib_module_names)
configured = [
    name for name in logging.root.manager.loggerDict
    if name.startswith("gateway") and logging.getLogger(name).handlers
]
after = state()
before[3] = after[3] = None
json.dump([before == after, sorted(names), configured, Watch.opened], sys.stdout)
"""

# Loaded before, so that what they do is not laid at our door.
_BEFORE = "requests, urllib3, msgspec, werkzeug.wrappers, concurrent.futures.thread"

_IMPORTS = {
    "the package": "import gateway",
    "every name": "from gateway import *",
    "a mirror made": (
        "from gateway import *\n"
        "def app(environ, start_response): pass\n"
        "MirrorMiddleware(app, shadow='http://127.0.0.1:9')"
    ),
    "a gateway made": "from gateway import *; Gateway(live='http://127.0.0.1:9')",
}


@pytest.mark.parametrize("program", _IMPORTS.values(), ids=_IMPORTS)
def test_importing_and_making_do_nothing_to_the_host(program: str) -> None:
    """No thread, file, socket, log handler, signal or warning filter; only the core's modules."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM % (_BEFORE, program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    unchanged, names, configured, opened = json.loads(done.stdout)
    assert unchanged
    assert (configured, opened) == ([], [])
    extra = {each for each in names if each not in _CORE | _THEIRS and not each.startswith("_")}
    assert extra <= _NAMESPACES, extra


_MODULES = """
import json, sys
import requests
before = set(sys.modules)
%s
json.dump(sorted(set(sys.modules) - before), sys.stdout)
"""


def modules(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _MODULES % program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_the_package_alone_costs_nothing() -> None:
    """Names are imported when they are asked for."""
    own = {each for each in modules("import gateway") if each.startswith("gateway")}
    assert own <= {"gateway", "gateway._version"}


@pytest.mark.parametrize(
    ("name", "most"),
    [("Settings", 65), ("Shadow", 65), ("load", 65), ("MirrorMiddleware", 70), ("Gateway", 130)],
)
def test_a_name_brings_few_modules_along(name: str, most: int) -> None:
    """Importing takes about as long as there are modules: 20 ms for the fewest of these."""
    loaded = modules(f"from gateway import {name}")
    assert len([each for each in loaded if each.startswith("gateway")]) <= most
    # The standard library's slow ones; werkzeug wants the last for itself, and inspect with it.
    slow = {"statistics", "tomllib", "tomli", "difflib", "dataclasses"}
    assert not loaded & (slow - {"dataclasses"} if "werkzeug" in loaded else slow)


@pytest.mark.parametrize("shadow", ["", "http://127.0.0.1:9"], ids=["without", "with"])
def test_a_mirror_does_not_load_a_gateway(shadow: str) -> None:
    """Neither the chain nor werkzeug, which is as much again as all of ours."""
    made = f"from gateway import MirrorMiddleware; MirrorMiddleware(print, shadow={shadow!r})"
    loaded = modules(made)
    assert not loaded & {"gateway.app", "gateway.live", "gateway.server", "werkzeug"}
    assert not {each for each in loaded if each.startswith("gateway.middleware")}
    assert not loaded & {"regex", "jsonschema_rs", "sqlalchemy"}
    # What calls shadows and compares is there before a request would wait for it.
    needed = {"gateway.shadow.pool", "gateway.transport", "gateway.compare.comparer"}
    assert loaded & needed == (needed if shadow else set())


_FIRST_REQUEST = """
from wsgiref.util import setup_testing_defaults
from gateway import MirrorMiddleware

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

environ = {}
setup_testing_defaults(environ)
mirror = MirrorMiddleware(app, shadow="http://127.0.0.1:9")
before = set(sys.modules)
answer = mirror(environ, lambda *started: None)
assert b"".join(answer) == b"ok"
answer.close()
mirror.close()
"""


def test_the_first_request_imports_nothing() -> None:
    """It would wait for it, and so would those beside it."""
    assert not {each for each in modules(_FIRST_REQUEST) if each.startswith("gateway")}


def test_a_gateway_loads_only_the_middlewares_that_are_switched_on() -> None:
    """Their libraries are not every host's."""
    loaded = modules("from gateway import Gateway; Gateway(live='http://127.0.0.1:9')")
    optional = {"validation", "authentication", "rate_limit", "compression", "cors"}
    assert not loaded & {f"gateway.middleware.{name}" for name in optional}


_KEEPING = """
from gateway import Gateway, Live, Settings, Shadow
from gateway.settings.store import Store
live, shadow = Live(url="http://127.0.0.1:9"), Shadow(url="http://127.0.0.2:9")
Gateway(Settings(live=live, shadows=(shadow,), store=Store(url="%s"))).close()
"""


@pytest.mark.parametrize(
    ("store", "loaded", "not_loaded"),
    [
        pytest.param("off", "gateway.compare.comparer", "sqlalchemy", id="off"),
        pytest.param(
            "sqlite:////nowhere/gateway.db",
            "sqlalchemy",
            "sqlalchemy.dialects.postgresql",
            id="SQLite",
        ),
    ],
)
def test_a_worker_loads_no_more_of_a_database_than_it_uses(
    store: str, loaded: str, not_loaded: str
) -> None:
    """SQLAlchemy is most of a worker's start, and its PostgreSQL a part of that."""
    found = modules(_KEEPING % store)
    assert loaded in found
    assert not_loaded not in found


def test_a_name_that_is_not_there_is_said_to_be_missing() -> None:
    """As of any module."""
    done = subprocess.run(
        [sys.executable, "-c", "import gateway; assert 'Gateway' in dir(gateway); gateway.Nope"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "module 'gateway' has no attribute 'Nope'" in done.stderr
