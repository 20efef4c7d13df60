"""The folder through which the processes of one gateway know of each other.

The master writes the effective settings, workers their state and metrics, the
admin process what an operator switched. Files are small, replaced atomically,
and readable by the owner only (settings hold secrets).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gateway.settings import Settings, from_json, to_json

# Set by the master for its own children; not a setting.
ENVIRONMENT_NAME = "GATEWAY_INTERNAL_RUNTIME"

# tmpfs, on Linux.
_MEMORY = Path("/dev/shm")

WorkerState = Literal["serving", "draining"]


class Reload(NamedTuple):
    """What became of the last request for new settings.

    ``generation``: how many there were; workers say which one they came with.
    ``problems``: why the settings were not taken. None: they are in force.
    """

    generation: int
    problems: tuple[str, ...] = ()


class Runtime:
    """A runtime folder. All methods may be called from any process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = folder / "metrics"
        self.control = folder / "control.json"
        # What is to be recorded, and the files of it where the settings name no folder.
        self.record = folder / "record.json"
        self.recordings = folder / "recordings"
        # For what is mapped into memory: see ``create``.
        self.shared = folder / "shared"
        self._settings = folder / "settings.json"
        self._reload = folder / "reload.json"
        self._workers = folder / "workers"

    @classmethod
    def create(cls, parent: str | None) -> Runtime:
        """Make a folder of its own for one gateway, in ``parent`` or where temporary files go."""
        if parent is not None:
            Path(parent).mkdir(mode=0o700, parents=True, exist_ok=True)
        runtime = cls(Path(tempfile.mkdtemp(prefix="gateway-", dir=parent)))
        runtime.metrics.mkdir()
        runtime._workers.mkdir()
        if parent is None and _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
            # Not on a disk, where the kernel writes back what requests change, and may
            # make them wait for it. Whoever chooses a folder chooses where it is.
            runtime.shared.symlink_to(tempfile.mkdtemp(prefix="gateway-", dir=_MEMORY))
        else:
            runtime.shared.mkdir()
        return runtime

    @classmethod
    def from_environment(cls) -> Runtime | None:
        """The folder of the gateway this process belongs to, if it belongs to one."""
        folder = os.environ.get(ENVIRONMENT_NAME)
        return cls(Path(folder)) if folder else None

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        if self.shared.is_symlink():
            shutil.rmtree(os.path.realpath(self.shared), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_settings(self, settings: Settings) -> None:
        """Publish the settings in force."""
        replace_file(self._settings, to_json(settings))

    def settings(self) -> Settings:
        """The settings in force."""
        return from_json(self._settings.read_bytes())

    def write_reload(self, reload: Reload) -> None:
        """Publish what became of a request for new settings."""
        replace_file(self._reload, json.dumps(reload).encode())

    def last_reload(self) -> Reload:
        """What became of the last one; generation 0 before the first."""
        try:
            generation, problems = json.loads(self._reload.read_bytes())
        except FileNotFoundError:
            return Reload(0)
        return Reload(generation, tuple(problems))

    def publish_worker(self, slot: int, state: WorkerState, generation: int = 0) -> None:
        """Say what the worker in ``slot`` is doing, and with which settings."""
        document = {"pid": os.getpid(), "state": state, "generation": generation}
        replace_file(self._workers / str(slot), json.dumps(document).encode())

    def forget_worker(self, slot: int) -> None:
        """The worker in ``slot`` has ended."""
        (self._workers / str(slot)).unlink(missing_ok=True)

    def workers(self) -> list[dict[str, Any]]:
        """What each worker last said: ``pid``, ``state`` and ``generation``."""
        said = []
        for file in sorted(self._workers.glob("[!.]*")):  # not those being written
            try:
                said.append(json.loads(file.read_bytes()))
            except (OSError, ValueError):
                continue  # ended, or not a worker's file
        return said


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new content, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
