"""Real WSGI servers that a mirrored application is run in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.support.client import Client
from tests.support.gateway import free_port
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
# What a mirrored application needs beside its own: for servers with a Python of their own.
_NEEDED = (
    "certifi charset_normalizer idna markupsafe msgspec requests typing_extensions.py urllib3 "
    "werkzeug"
)

# What the mirror does in a host is said by the host's application: its pool, its threads.
APPLICATION = """
import json, os, threading
from gateway import Live, MirrorMiddleware, Settings
from gateway.settings.isolation import Isolation
from gateway.settings.model import Mirror

def application(environ, start_response):
    if environ["PATH_INFO"] == "/about":
        about = {
            "process": os.getpid(),
            "threads": sorted(t.name for t in threading.enumerate()),
            "multithread": environ["wsgi.multithread"],
        }
        body = json.dumps(about).encode()
        fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", fields)
        return [body]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"%d\\n" % number for number in range(3))
    if environ["PATH_INFO"] == "/write":
        write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
        write(b"one")
        return [b"two"]
    if environ["PATH_INFO"] == "/file" and "wsgi.file_wrapper" in environ:
        size = os.path.getsize(__file__)
        fields = [("Content-Type", "text/plain"), ("Content-Length", str(size))]
        start_response("200 OK", fields)
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]

application = MirrorMiddleware(
    application,
    shadow=os.environ.get("SHADOW") or open(__file__ + ".shadow").read(),
    settings=Settings(
        live=Live(url="http://application.invalid"),
        mirror=Mirror(drain_timeout=0.5),
        isolation=Isolation(action="off"),
    ),
)
"""

_SERVE_WSGIREF = """
import sys
from wsgiref.simple_server import make_server, WSGIRequestHandler
from host import application
WSGIRequestHandler.log_message = lambda *said: None
try:
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
except KeyboardInterrupt:
    pass
"""

_SERVE_CHEROOT = """
import sys
from cheroot.wsgi import Server
from host import application
server = Server(("127.0.0.1", int(sys.argv[1])), application)
try:
    server.start()
except KeyboardInterrupt:
    server.stop()
"""

_SERVE_WAITRESS = """
import sys
from waitress import serve
from host import application
serve(application, host="127.0.0.1", port=int(sys.argv[1]), threads=4)
"""

_APACHE = """
ServerRoot {folder}
ServerName host.test
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
{user}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
WSGISocketPrefix {folder}/wsgi
WSGIPythonPath {folder}/packages
{mode}
WSGIScriptAlias / {folder}/host.py
<Directory {folder}>
    Require all granted
</Directory>
"""


class Host(NamedTuple):
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    stop_signal: int

    def client(self, timeout: float = 20) -> Client:
        """A new connection."""
        return Client(self.port, timeout)

    def tree(self) -> list[psutil.Process]:
        """Its processes."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        self.process.wait(30)

    @property
    def output(self) -> str:
        """What it said."""
        files = [self.folder / "output", self.folder / "error.log"]
        return "\n".join(f.read_text(errors="replace") for f in files if f.exists())


Command = Callable[[Path, int], list[str]]


def needs(*modules: str) -> None:
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"needs the package {module}: pip install {module}")


# A worker that is told to stop before it is up knows nothing of it: gunicorn kills it later.
_GUNICORN_CONF = """
def post_worker_init(worker):
    worker.log.info("up: %s", worker.pid)
"""


def gunicorn(*flags: str) -> Command:
    def command(folder: Path, port: int) -> list[str]:
        needs("gunicorn", *(["gevent"] if "gevent" in flags else []))
        (folder / "gunicorn.conf.py").write_text(_GUNICORN_CONF)
        bind = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--no-control-socket"]
        return [sys.executable, "-m", "gunicorn", *bind, *flags, "host:application"]

    return command


def script(module: str, text: str) -> Command:
    def command(folder: Path, port: int) -> list[str]:
        needs(module)
        (folder / "serve.py").write_text(text)
        return [sys.executable, "serve.py", str(port)]

    return command


def uwsgi(*flags: str) -> Command:
    def command(folder: Path, port: int) -> list[str]:
        program = shutil.which("uwsgi-core") or shutil.which("uwsgi")
        if program is None:
            pytest.skip("needs uWSGI (Debian and Ubuntu: uwsgi-core, uwsgi-plugin-python3)")
        system_packages(folder)
        options = ["--http-socket", f"127.0.0.1:{port}", "--master", "--processes", "2"]
        options += ["--need-app", "--die-on-term", "--wsgi-file", "host.py", *flags]
        options += ["--pythonpath", str(folder / "packages")]
        plugin = ["--plugin", "python3"] if Path("/usr/lib/uwsgi/plugins").is_dir() else []
        return [program, *plugin, *options]

    return command


def apache(mode: str) -> Command:
    def command(folder: Path, port: int) -> list[str]:
        modules = Path("/usr/lib/apache2/modules")
        program = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None or not (modules / "mod_wsgi.so").exists():
            pytest.skip("needs Apache (Debian and Ubuntu: apache2, libapache2-mod-wsgi-py3)")
        system_packages(folder)
        user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
        text = _APACHE.format(folder=folder, port=port, modules=modules, user=user, mode=mode)
        text = text.replace("FOLDER", str(folder))
        (folder / "apache.conf").write_text(text)
        return [program, "-f", str(folder / "apache.conf"), "-DFOREGROUND"]

    return command


def system_packages(folder: Path) -> None:
    """Copies of what is needed, for a server that has the system's Python, maybe as another user.

    They hold compiled modules, so it has to be the same version.
    """
    done = subprocess.run(
        ["/usr/bin/python3", "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        pytest.skip("needs the tests to be run by the system's version of Python")
    target = folder / "packages"
    site = Path(find_spec("requests").origin).parents[1]  # type: ignore[union-attr,arg-type]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gateway", target / "gateway", ignore=ignored)
    for name in _NEEDED.split():
        source = site / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, target / name)


DAEMON = (
    "WSGIDaemonProcess host processes=2 threads=4 python-path=FOLDER/packages\n"
    "WSGIProcessGroup host"
)
# In embedded mode mod_wsgi 4.9 waits for a thread that is gone, whatever the application, if
# that has imported threading; after 10 seconds Apache kills the process.
NOT_DESTROYED = "WSGIDestroyInterpreter Off"
GLOBAL = "WSGIApplicationGroup %{GLOBAL}"

# Name: how it is started, and which signal ends it in an orderly way.
HOSTS: dict[str, tuple[Command, int]] = {
    "gunicorn sync": (gunicorn("-k", "sync"), signal.SIGTERM),
    "gunicorn gthread": (gunicorn("-k", "gthread", "--threads", "4"), signal.SIGTERM),
    "gunicorn gevent": (gunicorn("-k", "gevent"), signal.SIGTERM),
    "gunicorn preload": (gunicorn("-k", "sync", "--preload"), signal.SIGTERM),
    "gunicorn gevent preload": (gunicorn("-k", "gevent", "--preload"), signal.SIGTERM),
    "uWSGI": (uwsgi("--enable-threads"), signal.SIGTERM),
    "uWSGI lazy-apps": (uwsgi("--enable-threads", "--lazy-apps"), signal.SIGTERM),
    "uWSGI threads": (uwsgi("--threads", "4"), signal.SIGTERM),
    "mod_wsgi embedded": (apache(NOT_DESTROYED), signal.SIGTERM),
    "mod_wsgi daemon": (apache(DAEMON), signal.SIGTERM),
    "mod_wsgi daemon global": (apache(f"{DAEMON}\n{GLOBAL}"), signal.SIGTERM),
    "waitress": (script("waitress", _SERVE_WAITRESS), signal.SIGINT),
    "cheroot": (script("cheroot", _SERVE_CHEROOT), signal.SIGINT),
    "wsgiref": (script("wsgiref", _SERVE_WSGIREF), signal.SIGINT),
}

# Not one in which copies are sent: what is said about that is tested.
NO_THREADS = "uWSGI without threads"
_ALL = {**HOSTS, NO_THREADS: (uwsgi(), signal.SIGTERM)}


@contextmanager
def host(name: str, shadow: str) -> Iterator[Host]:
    """The server of this name with the mirrored application in it."""
    make, number = _ALL[name]
    # Not pytest's: another user may have to read it.
    folder = Path(tempfile.mkdtemp(prefix="gateway-host-"))
    folder.chmod(0o755)
    try:
        (folder / "host.py").write_text(APPLICATION)
        (folder / "host.py.shadow").write_text(shadow)
        port = free_port()
        command = make(folder, port)
        own = folder / "packages"
        path = own if own.exists() else ROOT
        environment = {**os.environ, "SHADOW": shadow, "PYTHONPATH": str(path)}
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=output, env=environment
            )
        running = Host(process, port, folder, number)
        try:
            wait_for(lambda: _up(running), f"{name} to listen", 20)
            if "lazy-apps" in name:  # each process loads the application by itself
                wait_for(lambda: running.output.count(" ready in ") == 2, "both to have it", 20)
            if name.startswith("gunicorn"):
                wait_for(lambda: running.output.count("] up: ") == 2, "both to be up", 20)
            yield running
        except BaseException:
            print(running.output, file=sys.stderr)
            raise
        finally:
            left = running.tree() if process.poll() is None else []
            if left:
                process.send_signal(number)
                psutil.wait_procs(left, timeout=15)
            for each in left:
                if each.is_running():
                    each.kill()
            process.wait(5)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _up(running: Host) -> bool:
    if running.process.poll() is not None:
        raise AssertionError(f"it ended with {running.process.returncode}")
    try:
        with running.client() as client:
            return client.request("GET", "/up", "X-Not: mirrored").status == 200
    except (OSError, AssertionError):
        return False
