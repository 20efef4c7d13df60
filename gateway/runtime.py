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
from typing import Any, Literal

from gateway.settings import Settings, from_json, to_json

# Set by the master for its own children; not a setting.
ENVIRONMENT_NAME = "GATEWAY_INTERNAL_RUNTIME"

WorkerState = Literal["serving", "draining"]


class Runtime:
    """A runtime folder. All methods may be called from any process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = folder / "metrics"
        self.control = folder / "control.json"
        self._settings = folder / "settings.json"
        self._workers = folder / "workers"

    @classmethod
    def create(cls, parent: str | None) -> Runtime:
        """Make a folder of its own for one gateway, in ``parent`` or where temporary files go."""
        if parent is not None:
            Path(parent).mkdir(mode=0o700, parents=True, exist_ok=True)
        runtime = cls(Path(tempfile.mkdtemp(prefix="gateway-", dir=parent)))
        runtime.metrics.mkdir()
        runtime._workers.mkdir()
        return runtime

    @classmethod
    def from_environment(cls) -> Runtime | None:
        """The folder of the gateway this process belongs to, if it belongs to one."""
        folder = os.environ.get(ENVIRONMENT_NAME)
        return cls(Path(folder)) if folder else None

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_settings(self, settings: Settings) -> None:
        """Publish the settings in force."""
        replace_file(self._settings, to_json(settings))

    def settings(self) -> Settings:
        """The settings in force."""
        return from_json(self._settings.read_bytes())

    def publish_worker(self, slot: int, state: WorkerState) -> None:
        """Say what the worker in ``slot`` is doing."""
        document = {"pid": os.getpid(), "state": state}
        replace_file(self._workers / str(slot), json.dumps(document).encode())

    def forget_worker(self, slot: int) -> None:
        """The worker in ``slot`` has ended."""
        (self._workers / str(slot)).unlink(missing_ok=True)

    def workers(self) -> list[dict[str, Any]]:
        """What each worker last said: ``pid`` and ``state``."""
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
