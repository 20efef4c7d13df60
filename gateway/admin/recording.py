"""Recording on demand, for the admin listener: begin, stop, and hand out the files.

The workers do it; here is only said what is wanted, in a file they all look at.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
from werkzeug.exceptions import NotFound, UnprocessableEntity
from werkzeug.wrappers import Response

from gateway.runtime import Runtime
from gateway.settings import Settings
from gateway.settings.types import Percent
from gateway.traffic.archive import archives_in, is_being_written
from gateway.traffic.switch import RecordSwitch, Run

_DAY = 24 * 3600
_EXPECTED = (
    'Send {"percent": 0 to 100, "seconds": up to 86400, "max_bytes": N}, all with defaults, '
    'or {"stop": true}.'
)


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    percent: Percent = 100.0
    seconds: Annotated[float, msgspec.Meta(gt=0, le=_DAY)] = 60.0
    # Of all workers' files together, compressed.
    max_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**40)] = 100 * 1024 * 1024
    stop: bool = False


class Recordings:
    """What ``gateway record`` asks the admin listener.

    Threads: any; one at a time changes what is recorded, which the switch sees to.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self._switch = RecordSwitch(runtime.record, runtime.recordings)
        self._folder = Path(settings.record.folder or runtime.recordings)
        self._workers = settings.server.workers

    def state(self) -> dict[str, Any]:
        """The recording that goes on, or was the last to, and its files."""
        self._switch.refresh()
        run = self._switch.last
        if run is None:
            return {"recording": False, "id": None, "files": []}
        files = [
            {"name": path.name, "bytes": path.stat().st_size, "open": is_being_written(path)}
            for path in archives_in(self._folder, run.id)
        ]
        return {
            "recording": self._switch.run is not None,
            "id": run.id,
            "percent": run.percent,
            "until": run.until,
            "folder": str(self._folder),
            "files": files,
        }

    def change(self, body: bytes) -> dict[str, Any]:
        """Begin a recording in place of any other, or stop it. Workers follow in a moment."""
        try:
            wanted = msgspec.json.decode(body, type=_Wanted)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise UnprocessableEntity(_EXPECTED) from None
        if wanted.stop:
            self._switch.stop()
        else:
            until = time.time() + wanted.seconds
            each = max(1, wanted.max_bytes // self._workers)
            self._switch.set(Run(secrets.token_hex(4), wanted.percent, until, each))
        return self.state()

    def file(self, name: str) -> Response:
        """One file of the recording."""
        state = self.state()
        if name not in {file["name"] for file in state["files"]}:
            raise NotFound("There is no such file of the last recording.")
        content = (self._folder / name).read_bytes()
        return Response(content, content_type="application/octet-stream")
