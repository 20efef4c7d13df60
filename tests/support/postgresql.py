"""A real PostgreSQL server on a free port, which ends with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.gateway import free_port
from tests.support.waiting import wait_for

# Debian and Ubuntu have a folder for each version, and none in PATH.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
_BIN = _FOLDERS[-1] if _FOLDERS else Path(shutil.which("initdb") or "/missing/initdb").parent

needs_postgresql = pytest.mark.skipif(
    not (_BIN / "initdb").exists(),
    reason="PostgreSQL is missing (Debian and Ubuntu: apt-get install postgresql)",
)


def _somebody() -> dict[str, Any]:
    """PostgreSQL does not run as root: arguments for subprocesses of somebody else."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class PostgresqlServer:
    """A server that can be stopped, started again with what it has, and held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as = _somebody()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        self._run("initdb", "-D", self._data, "-U", "gateway", "-A", "trust", "--no-sync")
        # As late as can be: somebody else may get it meanwhile.
        self.port = free_port()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(_BIN / program), *arguments], capture_output=True, cwd=self._folder, **self._as
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Serve what was kept."""
        quick = ["fsync=off", "synchronous_commit=off", "shared_buffers=16MB", "listen_addresses="]
        settings = [*quick, f"unix_socket_directories={self._folder}"]
        settings[3] += "127.0.0.1"
        command = [str(_BIN / "postgres"), "-D", self._data, "-p", str(self.port)]
        for setting in settings:
            command += ["-c", setting]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, **self._as
            )
        wait_for(self._answers, "PostgreSQL to answer", 30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            psycopg.connect(self._conninfo("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, database: str) -> str:
        return f"postgresql://gateway@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"test{self._databases}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self._conninfo(name)

    def execute(self, database: str, statement: str) -> None:
        """Run one statement."""
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            connection.execute(statement)

    def hold(self) -> None:
        """Whoever is connected gets no answer: the processes of all connections stop."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """They answer again."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in [self._process.pid, *map(int, children.read_text().split())]:
            os.kill(pid, number)

    def stop(self) -> None:
        """Its port refuses connections from now on; those there are end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown
            self._process.wait(20)
            self._process = None


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="gateway-postgresql-") as folder:
        server = PostgresqlServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
