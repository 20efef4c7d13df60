"""The admin application of the gateway this process belongs to."""

from __future__ import annotations

from gateway.admin.app import AdminApp
from gateway.runtime import Runtime

_runtime = Runtime.from_environment()
if _runtime is None:
    raise RuntimeError("The admin process is started by the gateway; run `gateway run`.")

application = AdminApp(_runtime)
