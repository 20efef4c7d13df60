"""Health, metrics, the shadows' switches and the dashboard over HTTP.

Reads and writes the runtime folder, and for the dashboard the store: no worker is
asked, so these answers come however busy the workers are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, UnprocessableEntity
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from gateway.admin.answers import json_answer as _json
from gateway.admin.answers import problem, require_json, secured
from gateway.admin.dashboard.app import Dashboard
from gateway.admin.dashboard.troubles import Moment
from gateway.admin.guard import Guard
from gateway.admin.probe import Probe
from gateway.admin.recording import Recordings
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
        Rule("/api/record", endpoint="record_state", methods=["GET"]),
        Rule("/api/record", endpoint="record", methods=["POST"]),
        Rule("/api/record/<name>", endpoint="recorded", methods=["GET"]),
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


class _DashboardRequest(Request):
    # Why a difference is fine may take a few.
    max_content_length = 16384


class AdminApp:
    """The admin listener's WSGI application. ``reload``: asks the master for a reload."""

    def __init__(self, runtime: Runtime, reload: Callable[[], None]) -> None:
        self._runtime = runtime
        self._ask_for_reload = reload
        self._settings = runtime.settings()
        self._control = Control(runtime.control)
        self._probe = Probe(self._settings.live.url)
        self._probes = {each.name: Probe(each.url) for each in self._settings.shadows}
        self._recordings = Recordings(runtime, self._settings)
        self.guard = Guard(self._settings.server)
        self._dashboard = Dashboard(self._settings, self._moment)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self._answer(environ)
        except HTTPException as error:
            response = problem(error)
        return secured(response)(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Response:
        endpoint, values = "", dict[str, Any]()
        wrong: HTTPException | None = None
        try:
            endpoint, found = _ROUTES.bind_to_environ(environ).match()
            values.update(found)
        except NotFound:
            pass  # the dashboard's, or nobody's
        except MethodNotAllowed as error:
            wrong = error
        self.guard.check(environ, endpoint)
        if wrong is not None:
            raise wrong
        if not endpoint:
            return self._dashboard.answer(environ, _DashboardRequest(environ))
        answered: Response = getattr(self, f"_{endpoint}")(_Request(environ), **values)
        return answered

    def close(self) -> None:
        """Leave no connection behind."""
        self._dashboard.close()

    def _healthz(self, request: Request) -> Response:
        """The gateway's processes are up."""
        return _json({"status": "ok", "workers": len(self._live_workers())})

    def _readyz(self, request: Request) -> Response:
        """Requests sent now will be served: a worker takes them and live is reachable."""
        workers = self._live_workers()
        serving = _serving(workers)
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
        require_json(request)
        generation = self._runtime.last_reload().generation
        self._ask_for_reload()
        return _json({"generation": generation + 1}, 202)

    def _shadows(self, request: Request) -> Response:
        return _json({"shadows": self._described()})

    def _described(self) -> list[dict[str, Any]]:
        self._control.refresh()
        rests = self._rests()
        return [self._describe(shadow.name, rests) for shadow in self._settings.shadows]

    def _moment(self) -> Moment:
        """How things are now, for the dashboard: asking may take a second for each upstream."""
        shadows = self._described()
        for each in shadows:
            asked = each["percent"] > 0
            each["unreachable"] = self._probes[each["name"]].problem() if asked else None
        return Moment(self._probe.problem(), _serving(self._live_workers()), shadows)

    def _switch(self, request: Request, name: str) -> Response:
        """Set a shadow's percent, switch it off, or let the settings decide again.

        All workers follow within a second.
        """
        if name not in {shadow.name for shadow in self._settings.shadows}:
            known = ", ".join(s.name for s in self._settings.shadows) or "none is configured"
            raise NotFound(f"There is no shadow {name!r}; known: {known}.")
        require_json(request)
        self._control.set(name, _switch_from(request.get_data()))
        return _json(self._describe(name, self._rests()))

    def _record_state(self, request: Request) -> Response:
        """The recording that goes on, or was the last to, and its files."""
        return _json(self._recordings.state())

    def _record(self, request: Request) -> Response:
        """Begin a recording, or stop it. All workers follow within a second."""
        require_json(request)
        return _json(self._recordings.change(request.get_data()))

    def _recorded(self, request: Request, name: str) -> Response:
        """One file of the last recording."""
        return self._recordings.file(name)

    def _describe(self, name: str, rests: dict[str, float]) -> dict[str, Any]:
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
            "why": switch.why,
            "resting_workers": round(rests.get(name, 0)),
        }

    def _rests(self) -> dict[str, float]:
        return gauge_by_label(self._runtime.metrics, "gateway_shadow_breaker_open", "shadow")

    def _live_workers(self) -> list[dict[str, Any]]:
        return [worker for worker in self._runtime.workers() if _alive(worker["pid"])]


def _switch_from(body: bytes) -> Switch:
    try:
        wanted = msgspec.json.decode(body, type=_Wanted)
    except (msgspec.MsgspecError, RecursionError):
        raise UnprocessableEntity(_EXPECTED) from None
    if [wanted.percent is not None, wanted.off, wanted.reset].count(True) != 1:
        raise UnprocessableEntity(_EXPECTED)
    return Switch(percent=wanted.percent, off=wanted.off)


def _serving(workers: list[dict[str, Any]]) -> int:
    return sum(worker["state"] == "serving" for worker in workers)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
