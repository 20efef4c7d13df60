"""A WSGI server in a function: calls an application once, and keeps to PEP 3333."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.util import setup_testing_defaults


def ask(app: Any, body: bytes = b"", **environ: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, fields and body of one request, the body closed if it can be."""
    # An id that is always mirrored: some random ones are held out, see docs/isolation.md.
    sent: dict[str, Any] = {
        "HTTP_X_REQUEST_ID": "asked",
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        **environ,
    }
    sent.setdefault("wsgi.input", io.BytesIO(body))
    if body:
        sent["CONTENT_LENGTH"] = str(len(body))
    setup_testing_defaults(sent)
    said: list[Any] = []
    written: list[bytes] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        said[:] = [status, headers]
        return written.append

    answer = app(sent, start)
    try:
        received = b"".join([*written, *answer])
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return said[0], said[1], received
