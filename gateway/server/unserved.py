"""Tells the application of what the worker refused before calling it.

A request that was refused while it was read has no ``environ``; what is known
of it, which may be no more than its sender, is put into one.
"""

from __future__ import annotations

import logging
from typing import Any

from gateway.errors import Refusal
from gateway.headers import environ_name
from gateway.ids import request_id_of
from gateway.throttle import ThrottledLog

_log = ThrottledLog(logging.getLogger("gunicorn.error"))


def note(worker: Any, refusal: Refusal, *, peer: Any, received: float, request: Any = None) -> str:
    """Tell ``worker.note_refusal``, if the application set it. The id for the answer.

    ``request``: gunicorn's, if its head was parsed. ``received``: monotonic.
    """
    environ = environ_of(peer, received, request)
    told = getattr(worker, "note_refusal", None)
    try:
        if told is not None:
            return str(told(environ, refusal))
    except Exception as error:  # noqa: BLE001 - the boundary of counting: the client is answered
        _log.log(logging.ERROR, "Noting a refusal failed", exc_info=error)
    return request_id_of(environ)


def environ_of(peer: Any, received: float, request: Any) -> dict[str, Any]:
    """What is known, where WSGI would have it; a method or target of "-" is not."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "-",
        "RAW_URI": "-",
        "SERVER_PROTOCOL": "-",
        "REMOTE_ADDR": peer[0] if isinstance(peer, tuple) else "",
        "gateway.received": received,
    }
    if request is not None:
        environ["REQUEST_METHOD"] = request.method
        environ["RAW_URI"] = request.uri
        environ["SERVER_PROTOCOL"] = "HTTP/{}.{}".format(*request.version)
        for name, value in request.headers:
            key = environ_name(name)
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
