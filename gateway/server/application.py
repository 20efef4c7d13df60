"""One complete request through the WSGI application, whichever worker has it.

gunicorn writes this cycle once per worker, each with its own ``Response``; it
is written here once, so that every worker class gives the application the same
environ and the client the same exact answer.  The outermost boundary: nothing
an application raises passes it.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from gateway.errors import Refusal
from gateway.exchange import Exchange

from .ending import Ending
from .environ import StockEnvirons
from .fields import field_list
from .outbox import ClientGone, Sink
from .refusal import as_answer, refusal_for
from .response import ExactResponse


class ApplicationCall:
    """One request and its answer.

    Threads: made and used by one thread; calls into ``worker`` only its hooks,
    its log and its application.
    """

    def __init__(
        self,
        worker: Any,
        cfg: Any,
        request: Any,
        sink: Sink,
        environs: StockEnvirons | None = None,
    ) -> None:
        self._worker = worker
        self._environs = environs or StockEnvirons(cfg)
        self._cfg = cfg
        self._request = request
        self._sink = sink
        self._environ: dict[str, Any] = {}
        self._response: Any = None

    def run(self, peer: Any, server: Any, extra: dict[str, Any], *, keep: bool) -> Ending:
        """Call the application and send its answer. ``keep``: the connection may be kept."""
        started = time.monotonic()
        try:
            self._cfg.pre_request(self._worker, self._request)
            self._prepare(peer, server, extra, keep)
            self._answer()
            ending = self._ending()
        except ClientGone as gone:
            self._worker.log.debug("The client left: %s", gone)
            ending = Ending.RESET
        except BaseException as error:  # noqa: BLE001 - the outermost boundary; asyncio's too
            ending = self._failed(error)
        self._finish(time.monotonic() - started)
        return ending

    def _prepare(self, peer: Any, server: Any, extra: dict[str, Any], keep: bool) -> None:
        worker, cfg, request = self._worker, self._cfg, self._request

        def may_keep() -> bool:
            return bool(keep and worker.alive and cfg.keepalive)

        response = ExactResponse(request, self._sink, cfg, may_keep)
        self._response = response
        self._environ = self._environs.of(request, self._sink, peer, server, response)
        self._environ["wsgi.multithread"] = True
        self._environ["gateway.fields"] = field_list(self._request.headers)
        self._environ.update(extra)
        self._count()

    def _count(self) -> None:
        worker = self._worker
        worker.nr += 1
        if worker.nr >= worker.max_requests and worker.alive:
            worker.log.info("Autorestarting worker after current request.")
            worker.alive = False

    def _answer(self) -> None:
        response = self._response
        parts = self._worker.wsgi(self._environ, response.start_response)
        try:
            if isinstance(parts, self._environ["wsgi.file_wrapper"]):
                response.write_file(parts)
            else:
                for part in parts:
                    response.write(part)
            response.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _ending(self) -> Ending:
        if not self._response.should_close():
            return Ending.KEEP
        # A client that asked for the close has sent all it will; any other may be sending.
        read = not self._request.must_close
        return Ending.CLOSE if read and self._response.client_closes() else Ending.LINGER

    def _failed(self, error: BaseException) -> Ending:
        response, refusal = self._response, refusal_for(error)
        if refusal.status >= 500 and not isinstance(error, Refusal):
            self._worker.log.exception(
                "Error handling request %s %s", self._request.method, self._request.uri
            )
        if response is None or not response.headers_sent:
            return self._refuse(refusal)
        # A length or chunks tell the client of the cut by themselves; a reset could
        # also cost it what it has not read yet.
        return Ending.RESET if response.ends_with_connection() else Ending.CLOSE

    def _refuse(self, refusal: Refusal) -> Ending:
        if self._response is not None:
            self._response.status = f"{refusal.status} {refusal.title}"  # for the access log
        # The id under which the application's own log has it.
        request_id = Exchange.of(self._environ).id if self._environ else None
        with_body = self._request.method != "HEAD"
        try:
            self._sink.sendall(as_answer(refusal, with_body=with_body, request_id=request_id))
        except ClientGone:
            return Ending.RESET
        return Ending.LINGER

    def _finish(self, seconds: float) -> None:
        """Tell the log and the hook. Their errors are theirs: the answer is out."""
        worker, log = self._worker, self._worker.log
        try:
            if self._response is not None and self._response.status is not None:
                duration = timedelta(seconds=seconds)
                log.access(self._response, self._request, self._environ, duration)
            self._cfg.post_request(worker, self._request, self._environ, self._response)
        except Exception:
            log.exception("Exception in post_request hook")
