"""The admin application of the gateway this process belongs to."""

from __future__ import annotations

import os
import signal

from gateway.admin.app import AdminApp
from gateway.housekeeping import Housekeeper
from gateway.runtime import Runtime

_runtime = Runtime.from_environment()
if _runtime is None:
    raise RuntimeError("The admin process is started by the gateway; run `gateway run`.")

_master = int(os.environ["GATEWAY_INTERNAL_MASTER"])

application = AdminApp(_runtime, reload=lambda: os.kill(_master, signal.SIGHUP))

_housekeeper = Housekeeper(interval=1.0)
_housekeeper.add(application.guard.refresh)
_housekeeper.start()
