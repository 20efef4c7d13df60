"""Health, metrics and the shadows' switches over HTTP.

Reads and writes the runtime folder only: no worker is asked, so these answers
come however busy the workers are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.exceptions import HTTPException, NotFound, UnprocessableEntity, UnsupportedMediaType
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from gateway.admin.pages import refuse_foreign_pages
from gateway.admin.probe import LiveProbe
from gateway.control import Control
from gateway.prometheus import CONTENT_TYPE, exposition, gauge_by_label
from gateway.runtime import Runtime
from gateway.settings.types import Percent
from gateway.shadow.switch import Switch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ROUTES = Map(
    [
        Rule("/healthz", endpoint="healthz", methods=["GET"]),
        Rule("/readyz", endpoint="readyz", methods=["GET"]),
        Rule("/metrics", endpoint="metrics", methods=["GET"]),
        Rule("/api/workers", endpoint="workers", methods=["GET"]),
        Rule("/api/reload", endpoint="reload_state", methods=["GET"]),
        Rule("/api/reload", endpoint="reload", methods=["POST"]),
        Rule("/api/shadows", endpoint="shadows", methods=["GET"]),
        Rule("/api/shadows/<name>", endpoint="switch", methods=["POST"]),
    ]
)


_EXPECTED = 'Send {"percent": 0 to 100}, {"off": true} or {"reset": true}.'


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    percent: Percent | None = None
    off: bool = False
    reset: bool = False


class _Request(Request):
    # A switch is a line; anything longer is none.
    max_content_length = 4096


class AdminApp:
    """The admin listener's WSGI application. ``reload``: asks the master for a reload."""

    def __init__(self, runtime: Runtime, reload: Callable[[], None]) -> None:
        self._runtime = runtime
        self._ask_for_reload = reload
        self._settings = runtime.settings()
        self._control = Control(runtime.control)
        self._probe = LiveProbe(self._settings.live)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _Request(environ)
        try:
            refuse_foreign_pages(environ, self._settings.server.admin)
            endpoint, values = _ROUTES.bind_to_environ(environ).match()
            response: Response = getattr(self, f"_{endpoint}")(request, **values)
        except HTTPException as error:
            response = _problem(error)
        response.headers["Cache-Control"] = "no-store"
        return response(environ, start_response)

    def _healthz(self, request: Request) -> Response:
        """The gateway's processes are up."""
        return _json({"status": "ok", "workers": len(self._live_workers())})

    def _readyz(self, request: Request) -> Response:
        """Requests sent now will be served: a worker takes them and live is reachable."""
        workers = self._live_workers()
        serving = sum(worker["state"] == "serving" for worker in workers)
        problem = self._probe.problem()
        ready = bool(serving) and problem is None
        document = {
            "status": "ready" if ready else "not ready",
            "workers": {"serving": serving, "draining": len(workers) - serving},
            "live": problem or "reachable",
        }
        return _json(document, 200 if ready else 503)

    def _metrics(self, request: Request) -> Response:
        workers = [worker["state"] for worker in self._live_workers()]
        told: dict[str, dict[str, float]] = {
            "gateway_workers": {state: workers.count(state) for state in ("serving", "draining")},
            "gateway_reload_successful": {"": not self._runtime.last_reload().problems},
        }
        return Response(exposition(self._runtime.metrics, told), content_type=CONTENT_TYPE)

    def _workers(self, request: Request) -> Response:
        return _json({"workers": self._live_workers()})

    def _reload_state(self, request: Request) -> Response:
        """What became of the last request for new settings, and how far it has come."""
        generation, problems = self._runtime.last_reload()
        workers = [worker["generation"] for worker in self._live_workers()]
        new, wanted = workers.count(generation), self._runtime.settings().server.workers
        document = {
            "generation": generation,
            "problems": problems,
            "workers": {"new": new, "old": len(workers) - new, "wanted": wanted},
            "complete": len(workers) == new >= wanted,
        }
        return _json(document)

    def _reload(self, request: Request) -> Response:
        """Ask for the settings to be read again. What becomes of it takes a moment."""
        _require_json(request)
        generation = self._runtime.last_reload().generation
        self._ask_for_reload()
        return _json({"generation": generation + 1}, 202)

    def _shadows(self, request: Request) -> Response:
        self._control.refresh()
        return _json({"shadows": [self._describe(s.name) for s in self._settings.shadows]})

    def _switch(self, request: Request, name: str) -> Response:
        """Set a shadow's percent, switch it off, or let the settings decide again.

        All workers follow within a second.
        """
        if name not in {shadow.name for shadow in self._settings.shadows}:
            known = ", ".join(s.name for s in self._settings.shadows) or "none is configured"
            raise NotFound(f"There is no shadow {name!r}; known: {known}.")
        _require_json(request)
        self._control.set(name, _switch_from(request.get_data()))
        return _json(self._describe(name))

    def _describe(self, name: str) -> dict[str, Any]:
        shadow = next(s for s in self._settings.shadows if s.name == name)
        switch = self._control.switch(name)
        percent = shadow.percent if switch.percent is None else switch.percent
        return {
            "name": name,
            "url": shadow.url,
            "percent": 0 if switch.off else percent,
            "configured_percent": shadow.percent,
            "off": switch.off,
            "overridden": switch != Switch(),
            "resting_workers": round(self._rests().get(name, 0)),
        }

    def _rests(self) -> dict[str, float]:
        return gauge_by_label(self._runtime.metrics, "gateway_shadow_breaker_open", "shadow")

    def _live_workers(self) -> list[dict[str, Any]]:
        return [worker for worker in self._runtime.workers() if _alive(worker["pid"])]


def _require_json(request: Request) -> None:
    """A page elsewhere can make a browser post a form, but not this type unasked."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json.")


def _switch_from(body: bytes) -> Switch:
    try:
        wanted = msgspec.json.decode(body, type=_Wanted)
    except (msgspec.MsgspecError, RecursionError):
        raise UnprocessableEntity(_EXPECTED) from None
    if [wanted.percent is not None, wanted.off, wanted.reset].count(True) != 1:
        raise UnprocessableEntity(_EXPECTED)
    return Switch(percent=wanted.percent, off=wanted.off)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document) + "\n", status, content_type="application/json")


def _problem(error: HTTPException) -> Response:
    status = error.code or 500
    document = {"type": "about:blank", "title": error.name, "status": status}
    if error.description:
        document["detail"] = error.description
    response = _json(document, status)
    response.content_type = "application/problem+json"
    return response
